// What htmx leaves open: a failed press is said aloud, and a changed row is announced.
// Without this file every page still works.
(function () {
  "use strict";
  var said = document.getElementById("said");
  var broke = document.getElementById("broke");

  function say(text, bad) {
    if (!said) return;
    said.classList.toggle("error", Boolean(bad));
    said.textContent = "";
    // An empty region that is filled a moment later is announced by every screen reader.
    window.setTimeout(function () { said.textContent = text; }, 30);
  }

  function failed() {
    say(broke ? broke.content.textContent : "", true);
  }

  document.addEventListener("htmx:response:error", failed);
  document.addEventListener("htmx:error", failed);
  document.addEventListener("htmx:after:swap", function () {
    var line = document.querySelector("[data-say]");
    if (line) {
      said.classList.add("quiet");
      say(line.textContent.trim(), false);
      line.removeAttribute("data-say");
    }
  });
  document.addEventListener("htmx:before:request", function () {
    if (said) { said.textContent = ""; said.classList.remove("error", "quiet"); }
  });
})();
