(function () {
  "use strict";
  var figures = JSON.parse(document.getElementById("figures").textContent);
  var plots = Array.prototype.slice.call(document.querySelectorAll(".plot"));
  var options = { displayModeBar: false, responsive: true, scrollZoom: false };
  function draw(plot) {
    var figure = figures[plot.dataset.figure];
    if (!figure || plot.dataset.drawn) { return; }
    plot.dataset.drawn = "1";
    figure.layout.font.family = getComputedStyle(document.body).fontFamily;
    Plotly.newPlot(plot, figure.data, figure.layout, options).then(function () {
      plot.querySelectorAll("svg").forEach(function (svg) { svg.setAttribute("aria-hidden", "true"); });
    });
  }
  if ("IntersectionObserver" in window) {
    var seen = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
      });
    }, { rootMargin: "600px" });
    plots.forEach(function (plot) { seen.observe(plot); });
  } else {
    plots.forEach(draw);
  }
  var contents = document.querySelector(".toc");
  if (contents && window.matchMedia("(max-width: 63.99rem)").matches) { contents.open = false; }
  var opened = [];
  window.addEventListener("beforeprint", function () {
    plots.forEach(draw);
    document.querySelectorAll("main details:not([open])").forEach(function (each) {
      if (!each.closest("#queries")) { each.open = true; opened.push(each); }
    });
    plots.forEach(function (plot) { Plotly.relayout(plot, { width: 640, autosize: false }); });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (each) { each.open = false; });
    opened = [];
    plots.forEach(function (plot) { Plotly.relayout(plot, { width: null, autosize: true }); });
  });
})();
