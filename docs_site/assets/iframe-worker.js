// Browsers start no worker from a file. Opened that way, the site's search runs in a hidden frame instead, which is
// given what a worker has: messages in, messages out, and importScripts.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(address) {
      super();
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.title = "search";
      document.body.append(frame);
      const inside = frame.contentWindow;
      const load = (source) =>
        new Promise((loaded, failed) => {
          const script = inside.document.createElement("script");
          script.src = source;
          script.onload = loaded;
          script.onerror = failed;
          inside.document.head.append(script);
        });
      inside.IFrameWorker = window.IFrameWorker;
      inside.importScripts = (...sources) =>
        sources.reduce((before, source) => before.then(() => load(source)), Promise.resolve());
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.deliver = (data) => inside.dispatchEvent(new inside.MessageEvent("message", { data }));
      load(String(address)).then(
        () => {
          this.waiting.splice(0).forEach(this.deliver);
          this.waiting = null;
        },
        (error) => this.dispatchEvent(new ErrorEvent("error", { error })),
      );
    }

    postMessage(data) {
      if (this.waiting) this.waiting.push(data);
      else setTimeout(this.deliver, 0, data);
    }

    terminate() {}
  };
  window.Worker = window.IFrameWorker;
}
