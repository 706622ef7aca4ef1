// SPDX-License-Identifier: GPL-3.0-or-later
// Runs in the page: one phone on JsSIP, and everything that happened to it.
"use strict";

const events = [];

// A microphone that needs no device: a tone.
function tone(hz = 440) {
	const audio = new AudioContext(), source = audio.createOscillator(), out = audio.createMediaStreamDestination();

	source.frequency.value = hz;
	source.connect(out);
	source.start();
	return out.stream;
}

window.phone = {
	events,
	ua: null,
	session: null,

	start({ url, uri, password, sockets = {} }) {
		const socket = new JsSIP.WebSocketInterface(url);

		Object.assign(socket, sockets);
		this.ua = new JsSIP.UA({ sockets: [socket], uri, password, register: true, session_timers: false, register_expires: 120 });
		for (const name of ["connected", "disconnected", "registered", "unregistered", "registrationFailed"])
			this.ua.on(name, (e) => events.push({ name, status: e.response ? e.response.status_code : null, cause: e.cause || null }));
		this.ua.on("newRTCSession", ({ originator, session }) => {
			this.session = session;
			events.push({ name: "session", originator, from: session.remote_identity.uri.toString() });
			for (const name of ["progress", "accepted", "confirmed", "ended", "failed"])
				session.on(name, (e) => events.push({
					name, originator: e.originator || null, cause: e.cause || null,
					status: e.message && e.message.status_code || e.response && e.response.status_code || null,
				}));
		});
		this.ua.start();
	},

	call(target) {
		this.ua.call(target, { mediaStream: tone(), pcConfig: { iceServers: [] } });
	},

	answer() {
		this.session.answer({ mediaStream: tone(), pcConfig: { iceServers: [] } });
	},

	hangup(status) {
		this.session.terminate(status ? { status_code: status } : {});
	},

	options(target) {
		this.ua.sendOptions(target, null, {
			eventHandlers: {
				succeeded: (e) => events.push({ name: "options", status: e.response.status_code }),
				failed: (e) => events.push({ name: "options", status: e.response && e.response.status_code, cause: e.cause }),
			},
		});
	},

	message(target, text) {
		this.ua.sendMessage(target, text, {
			eventHandlers: {
				succeeded: (e) => events.push({ name: "message", status: e.response.status_code }),
				failed: (e) => events.push({ name: "message", status: e.response && e.response.status_code, cause: e.cause }),
			},
		});
	},

	stop() {
		this.ua.stop();
	},
};
