'use strict';
(function () {
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const byId = (id) => document.getElementById(id);
  document.documentElement.classList.add('js');

  // Filters: a verdict's tile, the search field and the area together decide which features are shown.
  const tiles = all('[data-filter]');
  const lists = all('.list');
  const items = lists.flatMap((list) => all('li[data-verdict]', list)).map((element) => ({
    element: element,
    verdict: element.dataset.verdict,
    area: element.dataset.area,
    number: (element.querySelector('.no') || element).textContent,
    id: (element.querySelector('details[id]') || element).id,
  }));
  const cells = new Map(all('a.cell').map((cell) => [cell.getAttribute('href').slice(1), cell]));
  const search = byId('search');
  const area = byId('area');

  // What a search looks through is gathered when something is searched for: a page can be long.
  function wordsOf(item) {
    if (item.words === undefined) {
      item.words = (item.element.textContent + ' ' + (item.element.dataset.words || '')).toLowerCase();
    }
    return item.words;
  }

  function apply() {
    const verdicts = tiles.filter((tile) => tile.getAttribute('aria-pressed') === 'true').map((tile) => tile.dataset.filter);
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (item) => words.every((word) => /^\d+$/.test(word) ? item.number === String(Number(word)) : wordsOf(item).includes(word));
    let shown = 0;
    items.forEach((item) => {
      const fits = (verdicts.length === 0 || verdicts.includes(item.verdict)) && (area.value === '' || area.value === item.area) && matches(item);
      if (item.element.hidden === fits) { item.element.hidden = !fits; }
      const cell = cells.get(item.id);
      if (cell) { cell.classList.toggle('dim', !fits); }
      shown += fits ? 1 : 0;
    });
    lists.forEach((list) => { list.hidden = all('li[data-verdict]', list).every((item) => item.hidden); });
    byId('nothing').hidden = shown > 0;
    byId('shown').textContent = shown + ' of ' + items.length + ' shown';
  }

  tiles.forEach((tile) => tile.addEventListener('click', () => {
    tile.setAttribute('aria-pressed', String(tile.getAttribute('aria-pressed') !== 'true'));
    apply();
  }));
  function reset() {
    search.value = '';
    area.value = '';
    tiles.forEach((tile) => tile.setAttribute('aria-pressed', 'false'));
    apply();
  }
  search.addEventListener('input', apply);
  area.addEventListener('change', apply);
  byId('reset').addEventListener('click', reset);
  search.form.addEventListener('submit', (event) => event.preventDefault());
  const features = () => all('.list > ul > li:not([hidden]) > details');
  byId('open').addEventListener('click', () => features().forEach((one) => { one.open = true; }));
  byId('close').addEventListener('click', () => all('.list details').forEach((one) => { one.open = false; }));
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      event.preventDefault();
      search.focus();
    }
  });

  // The details of a large page are packed; they are laid out when they are asked for.
  async function unpack(feature) {
    const inside = feature && feature.querySelector('.inside[data-packed]');
    if (!inside) { return; }
    const packed = inside.dataset.packed;
    delete inside.dataset.packed;
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
    const markup = await new Response(stream).text();
    const page = new DOMParser().parseFromString(markup, 'text/html');
    inside.replaceChildren(...page.body.childNodes);
    addCopyButtons(inside);
  }
  all('.list > ul > li > details').forEach((one) => one.addEventListener('toggle', () => { if (one.open) { unpack(one); } }));

  // A link to a feature or to a piece of evidence opens what it leads to, even if a filter hides it.
  async function follow() {
    const id = decodeURIComponent(location.hash.slice(1));
    if (!byId(id)) { await unpack(byId(id.split('-')[0])); }
    const target = byId(id);
    if (!target) { return; }
    const item = target.closest('li[data-verdict]');
    if (item && item.hidden) { reset(); }
    for (let one = target; one; one = one.parentElement) {
      if (one.tagName === 'DETAILS') { one.open = true; }
    }
    const focus = target.querySelector('summary');
    target.scrollIntoView();
    if (focus) { focus.focus({ preventScroll: true }); }
  }
  window.addEventListener('hashchange', follow);
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href^="#f"]');
    if (link && link.getAttribute('href') === location.hash) { follow(); }
  });

  // On paper, what failed stands open; then all is as it was.
  let opened = [];
  window.addEventListener('beforeprint', () => {
    opened = all('.cause.fail:not([open]), li[data-verdict="fail"] > details:not([open])');
    opened.forEach((one) => { one.open = true; });
  });
  window.addEventListener('afterprint', () => { opened.forEach((one) => { one.open = false; }); });

  // In the matrix one cell at a time takes the Tab key; arrows move on.
  const ring = Array.from(cells.values());
  ring.forEach((cell, place) => {
    cell.tabIndex = place === 0 ? 0 : -1;
    cell.addEventListener('keydown', (event) => {
      const to = nextCell(cell, place, event.key);
      if (!to) { return; }
      event.preventDefault();
      ring.forEach((other) => { other.tabIndex = -1; });
      to.tabIndex = 0;
      to.focus();
    });
  });
  function nextCell(cell, place, key) {
    const from = cell.getBoundingClientRect();
    const inColumn = (other) => Math.abs(other.getBoundingClientRect().left - from.left) < from.width / 2;
    switch (key) {
      case 'ArrowRight': return ring[place + 1];
      case 'ArrowLeft': return ring[place - 1];
      case 'ArrowDown': return ring.slice(place + 1).find(inColumn);
      case 'ArrowUp': return ring.slice(0, place).reverse().find(inColumn);
      case 'Home': return ring[0];
      case 'End': return ring[ring.length - 1];
      default: return undefined;
    }
  }

  // A command is there to be copied.
  function addCopyButtons(root) {
    if (!navigator.clipboard) { return; }
    all('pre.curl', root).forEach((pre) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'copy';
      button.textContent = 'Copy';
      button.addEventListener('click', () => navigator.clipboard.writeText(pre.textContent).then(() => { button.textContent = 'Copied'; }));
      pre.before(button);
    });
  }

  addCopyButtons(document);
  apply();
  follow();
}());
