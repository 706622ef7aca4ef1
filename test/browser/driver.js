// SPDX-License-Identifier: GPL-3.0-or-later
// Debian's Chromium with pages of JsSIP or SIP.js, driven line by line: {"id", "page", "do", "with"} in, {"id", "value" | "error"} out.
"use strict";

const fs = require("fs");
const http = require("http");
const path = require("path");
const readline = require("readline");
const { chromium } = require("playwright-core");
const bundle = require("./bundle.js");

const html = (scripts) => ["text/html", `<!doctype html><meta charset=utf-8><script src=/sound.js></script>${scripts}`];
const script = (...where) => ["text/javascript", fs.readFileSync(path.join(__dirname, ...where))];

const files = {
	"/jssip": html("<script src=/jssip.js></script><script src=/page.js></script>"),
	"/sipjs": html("<script type=module src=/sipjs.js></script>"),
	"/jssip.js": ["text/javascript", bundle("JsSIP", "jssip")],
	"/sound.js": script("sound.js"),
	"/page.js": script("page.js"),
	"/sipjs.js": script("sipjs.js"),
};

// SIP.js comes as the modules it was written in; the page asks for each by its name.
for (const name of fs.readdirSync(path.join(__dirname, "node_modules/sip.js/lib"), { recursive: true }))
	if (name.endsWith(".js"))
		files[`/sip.js/${name}`] = script("node_modules/sip.js/lib", name);

function serve() {
	return new Promise((resolve) => {
		const server = http.createServer((request, response) => {
			const [type, body] = files[request.url] || ["text/plain", ""];

			response.writeHead(files[request.url] ? 200 : 404, { "Content-Type": type }).end(body);
		});

		// Chromium trusts a page from here with the microphone, and lets it reach local addresses.
		server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${server.address().port}/`));
	});
}

async function main() {
	const url = await serve();
	const browser = await chromium.launch({
		executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
		args: ["--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
			"--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection",
			"--disable-features=WebRtcHideLocalIpsWithMdns",
			"--ignore-certificate-errors", "--disable-dev-shm-usage", "--disable-background-networking"],
	});
	const pages = new Map();

	// When another test adds a network interface at that moment, Chromium gives up all that it is loading (ERR_NETWORK_CHANGED).
	async function load(page, where) {
		for (let tries = 1; ; tries++) {
			try {
				await page.goto(where);
				if (await page.evaluate(() => window.phone !== undefined))
					return;
				throw new Error(`${where} is not whole`);
			} catch (error) {
				if (tries === 5)
					throw error;
			}
		}
	}

	async function obey({ page: name, do: what, with: given }) {
		if (what === "open") {
			const page = await (await browser.newContext({ ignoreHTTPSErrors: true, permissions: ["microphone", "camera"] })).newPage();

			page.on("pageerror", (error) => process.stderr.write(`page ${name}: ${error}\n`));
			page.on("console", (line) => process.stderr.write(`page ${name}: ${line.text()}\n`));
			await load(page, url + given.library);
			pages.set(name, page);
			return url;
		}
		if (what === "close") {
			await pages.get(name).context().close();
			pages.delete(name);
			return null;
		}
		return pages.get(name).evaluate(([method, argument]) => {
			const it = window.phone[method];

			return typeof it === "function" ? it.call(window.phone, argument) : it;
		}, [what, given]);
	}

	const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

	say({ id: 0, value: "ready" });
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const command = JSON.parse(line);

		try {
			say({ id: command.id, value: await obey(command) ?? null });
		} catch (error) {
			say({ id: command.id, error: String(error) });
		}
	}
	await browser.close();
	process.exit(0);
}

main().catch((error) => {
	process.stderr.write(`${error.stack}\n`);
	process.exit(1);
});
