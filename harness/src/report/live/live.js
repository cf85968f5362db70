'use strict';
(function () {
  const byId = (id) => document.getElementById(id);
  const marks = { pass: '✓', partial: '◐', fail: '✕', error: '!', skip: '–', unchecked: '', waiting: '' };
  const quiet = 60;
  let known = new Map();
  let recent = [];
  let last = Date.now();
  let state = 'waiting';

  function element(name, className, text) {
    const made = document.createElement(name);
    made.className = className;
    if (text !== undefined) { made.textContent = text; }
    return made;
  }

  function tile(verdict, count) {
    const inside = element('div', 'tile ' + verdict);
    inside.append(element('span', 'count', count), ' ', element('span', 'word', verdict));
    const item = document.createElement('li');
    item.append(inside);
    return item;
  }

  function cell(feature, verdict, what) {
    const title = feature + ', ' + verdict + (what ? ': ' + what : '');
    const made = element('span', 'cell ' + verdict, marks[verdict]);
    made.title = title;
    made.setAttribute('role', 'img');
    made.setAttribute('aria-label', title);
    return made;
  }

  function row(one, name) {
    const made = element(name, 'live-row');
    const what = element('span', 'what', one.what + (one.why ? ': ' + one.why : ''));
    made.append(element('span', 'badge ' + one.verdict, one.verdict), ' ', element('span', 'no', one.feature), ' ', what);
    return made;
  }

  function show(told) {
    last = Date.now();
    state = told.state;
    if (state === 'waiting' || state === 'unreadable') {
      byId('status').textContent = state === 'waiting' ? 'Waiting for the record.' : told.why;
      return;
    }
    // Another run has taken the place of the one that was shown.
    if (told.features.length < known.size) { known = new Map(); recent = []; }
    told.features.filter((one) => !known.has(one.feature)).forEach((one) => { known.set(one.feature, one); recent.unshift(one); });
    recent = recent.slice(0, 12);
    document.title = told.done + ' of ' + told.selected + ': ' + told.words;
    byId('target').textContent = told.target;
    byId('about').textContent = told.tool + ', ' + told.backend + ', since ' + told.started;
    byId('progress').max = Math.max(told.selected, 1);
    byId('progress').value = told.done;
    byId('totals').replaceChildren(...Object.entries(told.totals).map(([verdict, count]) => tile(verdict, count)));
    const cells = told.features.map((one) => [one.feature, one.verdict, one.what]).concat(told.missing.map((feature) => [feature, 'waiting', '']));
    cells.sort((one, other) => one[0] - other[0]);
    byId('cells').replaceChildren(...cells.map((one) => cell(one[0], one[1], one[2])));
    const wrong = told.features.filter((one) => one.verdict === 'fail' || one.verdict === 'error');
    byId('failures').replaceChildren(...wrong.map((one) => row(one, 'li')));
    byId('none').hidden = wrong.length > 0;
    byId('recent').replaceChildren(...recent.map((one) => row(one, 'li')));
    const words = { running: 'Running', finished: 'Finished', damaged: 'Finished, but the record is damaged' };
    byId('status').textContent = words[state] + ': ' + told.done + ' of ' + told.selected + ' features, ' + told.words + '.';
  }

  const events = new EventSource('events');
  events.onmessage = (event) => show(JSON.parse(event.data));
  events.onerror = () => { byId('status').textContent = 'The server is gone; this page tries again by itself.'; };
  setInterval(() => {
    const silence = Math.floor((Date.now() - last) / 1000);
    if (state === 'running' && silence >= quiet) {
      byId('status').textContent = 'Nothing came for ' + silence + ' s: a check takes long, or the run was broken off.';
    }
  }, 5000);
}());
