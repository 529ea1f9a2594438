"use strict";
// Click on a head sorts its table; numbers by their data-sort, the rest by text.
document.querySelectorAll("table.sortable").forEach((table) => {
  [...table.tHead.rows[0].cells].forEach((head, column) => head.addEventListener("click", () => {
    const up = head.dataset.up !== "1";
    head.dataset.up = up ? "1" : "0";
    const key = (row) => { const s = row.cells[column].dataset.sort; return s === undefined ? row.cells[column].textContent : Number(s); };
    [...table.tBodies[0].rows].sort((a, b) => (key(a) > key(b) ? 1 : -1) * (up ? 1 : -1)).forEach((row) => table.tBodies[0].appendChild(row));
  }));
});
document.documentElement.dataset.ready = String(Math.max(1, Math.round(performance.now())));
