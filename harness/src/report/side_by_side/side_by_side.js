'use strict';
(function () {
  document.documentElement.classList.add('js');
  const rows = Array.from(document.querySelectorAll('tr[data-differs]'));
  const search = document.getElementById('search');
  const differing = document.getElementById('differing');
  const shown = document.getElementById('shown');

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row) => {
      const text = row.textContent.toLowerCase();
      const number = row.querySelector('th').textContent;
      const found = words.every((word) => /^\d+$/.test(word) ? number === String(Number(word)) : text.includes(word));
      row.hidden = !found || (differing.checked && row.dataset.differs === 'no');
      count += row.hidden ? 0 : 1;
    });
    shown.textContent = count + ' of ' + rows.length + ' shown';
  }

  search.addEventListener('input', apply);
  differing.addEventListener('change', apply);
  search.form.addEventListener('submit', (event) => event.preventDefault());
  apply();
}());
