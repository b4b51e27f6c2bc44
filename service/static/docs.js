// The viewer shows our own document and asks no other server about it.
window.SwaggerUIBundle({ url: "openapi.yaml", dom_id: "#swagger-ui", validatorUrl: null, deepLinking: true });
