// SPDX-License-Identifier: GPL-3.0-or-later
// Renders /api/openapi.json.  Text only ever becomes text nodes, so nothing in the document can become markup.
'use strict';

const METHODS = ['get', 'post', 'patch', 'put', 'delete'];

function el(name, attrs, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attrs || {})) e.setAttribute(k, v);
  for (const c of children.flat()) if (c !== null && c !== undefined) e.append(c);
  return e;
}

// **bold** and `code` of the descriptions.
function prose(text) {
  return (text || '').split('\n\n').map((par) => el('p', {}, par.split(/(\*\*[^*]+\*\*|`[^`]+`)/).map((s) => {
    if (s.startsWith('**')) return el('strong', {}, s.slice(2, -2));
    if (s.startsWith('`')) return el('code', {}, s.slice(1, -1));
    return s;
  })));
}

function resolve(doc, node) {
  for (let i = 0; node && node.$ref && i < 10; i++) {
    node = node.$ref.slice(2).split('/').reduce((at, k) => at && at[k.replace(/~1/g, '/').replace(/~0/g, '~')], doc);
  }
  return node || {};
}

function refName(node) {
  return node && node.$ref ? node.$ref.split('/').pop() : null;
}

function schemaLink(node) {
  const name = refName(node);
  return name ? el('a', { href: '#schema-' + name }, name) : null;
}

function typeOf(doc, schema) {
  const link = schemaLink(schema);
  if (link) return [link];
  if (schema.anyOf || schema.oneOf) {
    return (schema.anyOf || schema.oneOf).flatMap((s, i) => (i ? [' or ', ...typeOf(doc, s)] : typeOf(doc, s)));
  }
  if (schema.const !== undefined) return [el('code', {}, JSON.stringify(schema.const))];
  if (schema.enum) return schema.enum.flatMap((v, i) => (i ? [', ', el('code', {}, String(v))] : [el('code', {}, String(v))]));
  const type = [].concat(schema.type || 'any').join(' or ');
  if (schema.items) return [type + ' of ', ...typeOf(doc, schema.items)];
  return [type];
}

function limits(schema) {
  const says = [];
  if (schema.minimum !== undefined) says.push('from ' + schema.minimum);
  if (schema.maximum !== undefined) says.push('to ' + schema.maximum);
  if (schema.minLength) says.push('at least ' + schema.minLength + ' characters');
  if (schema.maxLength) says.push('at most ' + schema.maxLength + ' characters');
  if (schema.maxItems) says.push('at most ' + schema.maxItems);
  if (schema.format) says.push(schema.format);
  if (schema.default !== undefined && schema.default !== '') says.push('default ' + JSON.stringify(schema.default));
  return says.join(', ');
}

function fieldTable(doc, schema) {
  const required = new Set(schema.required || []);
  return el('table', {},
    el('thead', {}, el('tr', {}, el('th', {}, 'Field'), el('th', {}, 'Type'), el('th', {}, 'Meaning'))),
    el('tbody', {}, Object.entries(schema.properties || {}).map(([name, s]) => el('tr', {},
      el('td', {}, el('code', {}, name), required.has(name) ? ' *' : ''),
      el('td', {}, typeOf(doc, s)),
      el('td', {}, [s.description || resolve(doc, s).description || '', limits(s)].filter(Boolean).join('; '))))));
}

function example(value) {
  return value === undefined ? null : el('pre', {}, JSON.stringify(value, null, 2));
}

function bodyOf(doc, content, title) {
  return Object.entries(content || {}).map(([media, m]) => {
    const schema = resolve(doc, m.schema);
    return el('div', {}, el('h4', {}, title + ' ', el('code', {}, media), ' ', schemaLink(m.schema)),
      schema.examples ? el('details', {}, el('summary', {}, 'Example'), example(schema.examples[0])) : null);
  });
}

function parameterTable(doc, list) {
  if (!list || !list.length) return null;
  return el('details', { open: '' }, el('summary', {}, 'Parameters'), el('table', {}, el('tbody', {}, list.map((p) => {
    const q = resolve(doc, p);
    return el('tr', {}, el('td', {}, el('code', {}, q.name), q.required ? ' *' : ''), el('td', {}, q.in),
      el('td', {}, [q.description || '', limits(q.schema || {})].filter(Boolean).join('; ')));
  }))));
}

function responseTable(doc, responses) {
  return el('table', {}, el('tbody', {}, Object.entries(responses).map(([status, r]) => {
    const full = resolve(doc, r);
    const schema = full.content && full.content['application/json'] && full.content['application/json'].schema;
    const kinds = full['x-kinds'] ? Object.keys(full['x-kinds']) : [];
    return el('tr', {}, el('td', {}, el('code', {}, status)),
      el('td', {}, kinds.length ? kinds.flatMap((k, i) => [i ? ', ' : '', el('a', { href: '#problem-' + k }, k)])
        : [full.description, ' ', schema ? schemaLink(schema) : null]));
  })));
}

function curl(path, method, op, doc) {
  const lines = ['curl -X ' + method.toUpperCase() + " '" + location.origin + path.replace('{id}', '3') + "'"];
  if (!op.security) lines.push("-H 'Authorization: Bearer TOKEN'");
  const body = op.requestBody && resolve(doc, op.requestBody.content['application/json'].schema);
  if (body) {
    lines.push("-H 'Content-Type: application/json'");
    if (body.examples) lines.push("-d '" + JSON.stringify(body.examples[0]) + "'");
  }
  return el('details', {}, el('summary', {}, 'With curl'), el('pre', {}, lines.join(' \\\n  ')));
}

function roles(op) {
  const r = op['x-roles'];
  if (!r) return 'Everybody';
  return [r.administrator ? 'administrator' : null, r.tenant ? 'tenant' : null,
    r.dealer ? 'dealer' : null, r.extension ? 'owner of an extension' : null].filter(Boolean).join(', ');
}

function operation(doc, path, method, op) {
  return el('section', { class: 'operation', id: op.operationId },
    el('h3', {}, el('span', { class: 'method' }, method.toUpperCase()), el('code', {}, path)),
    prose(op.summary), el('p', { class: 'roles' }, 'Who: ' + roles(op)),
    parameterTable(doc, op.parameters),
    op.requestBody ? bodyOf(doc, op.requestBody.content, 'Body') : null,
    el('h4', {}, 'Answers'), responseTable(doc, op.responses), curl(path, method, op, doc));
}

function operationsOf(doc, tag) {
  const list = [];
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const method of METHODS) if (item[method] && item[method].tags.includes(tag)) list.push([path, method, item[method]]);
  }
  return list;
}

function render(doc) {
  const main = document.getElementById('page');
  const nav = document.getElementById('contents');
  main.replaceChildren(el('h1', {}, doc.info.title), ...prose(doc.info.description));
  for (const tag of doc.tags) {
    const list = operationsOf(doc, tag.name);
    if (!list.length) continue;
    nav.append(el('h2', {}, tag.name));
    main.append(el('h2', { id: 'tag-' + tag.name }, tag.name), ...prose(tag.description));
    for (const [path, method, op] of list) {
      nav.append(el('a', { href: '#' + op.operationId }, method.toUpperCase() + ' ' + path));
      main.append(operation(doc, path, method, op));
    }
  }
  nav.append(el('h2', {}, 'More'), el('a', { href: '#problems' }, 'Problems'), el('a', { href: '#schemas' }, 'Schemas'));
  main.append(el('h2', { id: 'problems' }, 'Problems'));
  for (const [name, r] of Object.entries(doc.components.responses)) {
    for (const [slug, text] of Object.entries(r['x-kinds'] || {})) {
      main.append(el('h4', { id: 'problem-' + slug }, name.replace('problem_', '') + ' ' + slug), ...prose(text));
    }
  }
  main.append(el('h2', { id: 'schemas' }, 'Schemas'));
  for (const [name, s] of Object.entries(doc.components.schemas)) {
    main.append(el('h4', { id: 'schema-' + name }, name), ...prose(s.description), s.properties ? fieldTable(doc, s) : el('p', {}, typeOf(doc, s)),
      s.examples && s.properties ? example(s.examples[0]) : '');
  }
  if (location.hash) {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) target.scrollIntoView();
  }
}

fetch('/api/openapi.json').then((r) => {
  if (!r.ok) throw new Error('HTTP ' + r.status);
  return r.json();
}).then(render).catch((e) => {
  document.getElementById('loading').textContent = 'The document could not be read: ' + e.message;
});
