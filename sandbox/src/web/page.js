// Updates the page: every event fetches it again and replaces the parts that changed. A part that
// contains the selection waits until the next event.
(function () {
  "use strict";
  var busy = false, again = false, last = new Map();

  document.querySelectorAll("[data-live]").forEach(function (part) { last.set(part.id, part.innerHTML); });

  function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    fetch(location.href, { headers: { Accept: "text/html" } })
      .then(function (response) { return response.text(); })
      .then(function (text) {
        var fresh = new DOMParser().parseFromString(text, "text/html");
        document.querySelectorAll("[data-live]").forEach(function (part) {
          var other = fresh.getElementById(part.id);
          if (!other || other.innerHTML === last.get(part.id) || isSelected(part)) { return; }
          replace(part, other.innerHTML);
        });
      })
      .catch(function () { status("disconnected"); })
      .finally(function () {
        busy = false;
        if (again) { again = false; refresh(); }
      });
  }

  function isSelected(part) {
    var selection = document.getSelection();
    if (!selection || selection.isCollapsed) { return false; }
    return part.contains(selection.anchorNode) || part.contains(selection.focusNode);
  }

  // Open details, scroll positions and the focus are kept.
  function replace(part, html) {
    var focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    var open = Array.from(part.querySelectorAll("details[open]"), function (one) { return one.id; });
    var scrolled = Array.from(part.querySelectorAll(".wide"), function (one) { return [one.id, one.scrollLeft]; });
    part.innerHTML = html;
    last.set(part.id, html);
    open.forEach(function (id) {
      var details = id && document.getElementById(id);
      if (details) { details.open = true; }
    });
    scrolled.forEach(function (one) {
      var wide = one[0] && document.getElementById(one[0]);
      if (wide) { wide.scrollLeft = one[1]; }
    });
    var target = focused && document.getElementById(focused);
    if (target) { target.focus({ preventScroll: true }); }
  }

  function status(text) {
    document.getElementById("live").textContent = text;
  }

  document.addEventListener("submit", function (event) {
    var question = event.target.getAttribute("data-confirm");
    if (question && !window.confirm(question)) { event.preventDefault(); }
  });

  var events = new EventSource("/sandbox/events");
  events.onopen = function () { status("live"); refresh(); };
  events.onerror = function () { status("disconnected"); };
  events.addEventListener("change", refresh);
  events.addEventListener("tick", refresh);
})();
