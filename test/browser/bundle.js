// SPDX-License-Identifier: GPL-3.0-or-later
// Puts a CommonJS module and all it requires into one script for a page: window[name] = the module.
"use strict";

const fs = require("fs");
const path = require("path");
const { builtinModules, createRequire } = require("module");

module.exports = function bundle(name, entry) {
	const modules = new Map();

	function add(file) {
		if (modules.has(file))
			return;
		const text = fs.readFileSync(file, "utf8");
		const found = { text, needs: {} };

		modules.set(file, found);
		for (const [, want] of text.matchAll(/\brequire\(["']([^"']+)["']\)/g)) {
			// What is there only when run by node is asked for only then.
			if (builtinModules.includes(want) && want !== "events")
				continue;
			try {
				const at = createRequire(file).resolve(want === "events" ? "events/" : want);

				found.needs[want] = at;
				add(at);
			} catch (error) {
				if (error.code !== "MODULE_NOT_FOUND")
					throw error;
			}
		}
	}

	const first = require.resolve(entry, { paths: [__dirname] });

	add(first);
	const table = [...modules].map(([file, m]) => {
		const body = file.endsWith(".json") ? `module.exports = ${m.text}` : m.text;

		return `${JSON.stringify(file)}: [${JSON.stringify(m.needs)}, function (require, module, exports, process) {\n${body}\n}]`;
	});

	return `(() => {
const table = {${table.join(",\n")}}, done = {}, process = {type: "renderer", env: {}};
function load(file) {
	if (!done[file]) {
		const [needs, fn] = table[file], module = done[file] = {exports: {}};
		fn((want) => load(needs[want]), module, module.exports, process);
	}
	return done[file].exports;
}
window[${JSON.stringify(name)}] = load(${JSON.stringify(first)});
})();
`;
};

if (require.main === module)
	fs.writeSync(1, module.exports(process.argv[2], path.basename(process.argv[3])));
