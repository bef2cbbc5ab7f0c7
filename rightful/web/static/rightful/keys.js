// Keys for the staff's lists: / search, g then a letter to go somewhere, j k to move, x to mark, Enter to open,
// ? for help. They can be switched off there (WCAG 2.1.4), and never work while somebody types.
(function () {
  "use strict";
  var help = document.getElementById("keys");
  if (!help) return;
  var box = help.querySelector("input[type=checkbox]");
  var waiting = false, at = -1;

  function on() { try { return localStorage.getItem("keys") !== "off"; } catch (e) { return true; } }
  box.checked = on();
  box.addEventListener("change", function () { try { localStorage.setItem("keys", box.checked ? "on" : "off"); } catch (e) { return; } });
  document.querySelectorAll("[data-keys]").forEach(function (one) {
    one.addEventListener("click", function () { help.showModal(); });
  });

  function rows() { return Array.prototype.slice.call(document.querySelectorAll("[data-row]")); }
  function move(step) {
    var every = rows();
    if (!every.length) return;
    at = Math.max(0, Math.min(every.length - 1, at + step));
    every.forEach(function (row, i) { row.classList.toggle("here", i === at); });
    var link = every[at].querySelector("a");
    if (link) link.focus({ preventScroll: true });
    every[at].scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", function (event) {
    var inField = event.target.closest && event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (inField || event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.key === "?") { event.preventDefault(); help.showModal(); return; }
    if (!on()) return;
    if (waiting) {
      waiting = false;
      var link = document.querySelector('[data-go="' + event.key + '"]');
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === "g") { waiting = true; window.setTimeout(function () { waiting = false; }, 1500); return; }
    if (event.key === "/") {
      var search = document.querySelector('[data-key="/"]');
      if (search) { event.preventDefault(); search.focus(); }
    } else if (event.key === "j") { move(1); } else if (event.key === "k") { move(-1); } else if (event.key === "x" && at >= 0) {
      var mark = rows()[at] && rows()[at].querySelector("input[type=checkbox]");
      if (mark) mark.click();
    }
  });
})();
