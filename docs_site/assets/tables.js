// A table that is wider than the page scrolls inside its frame; with this, by the keyboard too.
const reachable = () => {
  for (const frame of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) {
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", "table");
  }
};
new MutationObserver(reachable).observe(document.body, { childList: true, subtree: true });
reachable();
