{{/* What the service and the nightly screening have in common. */}}

{{- define "trialhook.podSecurity" -}}
serviceAccountName: {{ include "trialhook.name" . }}
automountServiceAccountToken: false
# The variables that a Service called trialhook brings begin like settings, and would be refused as unknown ones.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "trialhook.container" -}}
image: {{ include "trialhook.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "trialhook.environment" -}}
- {name: TRIALHOOK_FHIR_ALLOWED, value: {{ join " " .Values.fhirAllowed | quote }}}
{{- if .Values.secrets.backendKey.name }}
- {name: TRIALHOOK_BACKEND_KEY_FILE, value: /run/secrets/trialhook-backend/key}
{{- end }}
{{- if .Values.secrets.decisionKey.name }}
- {name: TRIALHOOK_DECISION_KEY_FILE, value: /run/secrets/trialhook-decisions/key}
{{- end }}
{{- if .Values.secrets.auditToken.name }}
- {name: TRIALHOOK_AUDIT_TOKEN_FILE, value: /run/secrets/trialhook-audit/key}
{{- end }}
{{- range $name, $value := .Values.settings }}
- {name: TRIALHOOK_{{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "trialhook.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: data, mountPath: /var/lib/trialhook}
{{- if .Values.secrets.backendKey.name }}
- {name: backend-key, mountPath: /run/secrets/trialhook-backend, readOnly: true}
{{- end }}
{{- if .Values.secrets.decisionKey.name }}
- {name: decision-key, mountPath: /run/secrets/trialhook-decisions, readOnly: true}
{{- end }}
{{- if .Values.secrets.auditToken.name }}
- {name: audit-token, mountPath: /run/secrets/trialhook-audit, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "trialhook.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
# The image's working folder; nothing of worth is kept in it, since the database is elsewhere.
- name: data
  emptyDir: {sizeLimit: 64Mi}
{{- with .Values.secrets.backendKey }}
{{- if .name }}
- name: backend-key
  secret:
    secretName: {{ .name }}
    defaultMode: 0440
    items: [{key: {{ .key }}, path: key}]
{{- end }}
{{- end }}
{{- with .Values.secrets.decisionKey }}
{{- if .name }}
- name: decision-key
  secret:
    secretName: {{ .name }}
    defaultMode: 0440
    items: [{key: {{ .key }}, path: key}]
{{- end }}
{{- end }}
{{- with .Values.secrets.auditToken }}
{{- if .name }}
- name: audit-token
  secret:
    secretName: {{ .name }}
    defaultMode: 0440
    items: [{key: {{ .key }}, path: key}]
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
