// Shows what changes: on every event the page is fetched again, and the parts that differ are replaced.
(function () {
  "use strict";
  var busy = false, again = false;

  function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    fetch(location.href, { headers: { Accept: "text/html" } })
      .then(function (answer) { return answer.text(); })
      .then(function (text) {
        var fresh = new DOMParser().parseFromString(text, "text/html");
        document.querySelectorAll("[data-live]").forEach(function (part) {
          var other = fresh.getElementById(part.id);
          if (!other || other.innerHTML === part.innerHTML) { return; }
          var focused = part.contains(document.activeElement) ? document.activeElement.id : "";
          var open = Array.from(part.querySelectorAll("details[open]"), function (one) { return one.id; });
          part.innerHTML = other.innerHTML;
          open.forEach(function (id) {
            var details = id && document.getElementById(id);
            if (details) { details.open = true; }
          });
          var target = focused && document.getElementById(focused);
          if (target) { target.focus(); }
        });
      })
      .catch(function () { status("cut off"); })
      .finally(function () {
        busy = false;
        if (again) { again = false; refresh(); }
      });
  }

  function status(text) {
    document.getElementById("live").textContent = text;
  }

  var events = new EventSource("/sandbox/events");
  events.onopen = function () { status("live"); refresh(); };
  events.onerror = function () { status("cut off"); };
  events.addEventListener("change", refresh);
  events.addEventListener("tick", refresh);
})();
