// SPDX-License-Identifier: GPL-3.0-or-later
// Runs in the page: one phone on JsSIP, and everything that happened to it.
"use strict";

window.phone = {
	events,
	heard,
	ua: null,
	session: null, // the last one
	sessions: [],

	start({ url, uri, password, sockets = {} }) {
		const socket = new JsSIP.WebSocketInterface(url);

		Object.assign(socket, sockets);
		this.socket = socket;
		this.ua = new JsSIP.UA({ sockets: [socket], uri, password, register: true, session_timers: false, register_expires: 120 });
		for (const name of ["connected", "disconnected", "registered", "unregistered", "registrationFailed"])
			this.ua.on(name, (e) => events.push({ name, status: e.response ? e.response.status_code : null, cause: e.cause || null }));
		this.ua.on("newMessage", ({ originator, request }) => {
			if (originator === "remote")
				events.push({ name: "said", from: request.from.uri.toString(), text: request.body });
		});
		this.ua.on("newRTCSession", ({ originator, session }) => {
			this.session = session;
			this.sessions.push(session);
			const attach = (connection) => {
				this.connection = connection;
				connection.addEventListener("track", (e) => {
					if (e.track.kind === "audio")
						listen(new MediaStream([e.track]));
				});
			};
			if (session.connection)
				attach(session.connection);
			else
				session.on("peerconnection", (e) => attach(e.peerconnection));
			events.push({ name: "session", originator, from: session.remote_identity.uri.toString() });
			for (const name of ["progress", "accepted", "confirmed", "ended", "failed"])
				session.on(name, (e) => events.push({
					name, originator: e.originator || null, cause: e.cause || null,
					status: e.message && e.message.status_code || e.response && e.response.status_code || null,
				}));
		});
		this.ua.start();
	},

	async call({ target, hz = 440, video = false, pc = {} }) {
		this.ua.call(target, { mediaStream: await source(hz, video), pcConfig: { iceServers: [], ...pc } });
	},

	async answer({ hz = 440, video = false, pc = {} } = {}) {
		this.session.answer({ mediaStream: await source(hz, video), pcConfig: { iceServers: [], ...pc } });
	},

	mute() {
		this.session.mute({ audio: true });
	},

	// As telephone events.
	press(key) {
		this.session.sendDTMF(key, { transportType: "RFC2833" });
	},

	// The network is away for a moment: the library connects anew by itself.
	lose_connection() {
		this.socket._ws.close();
	},

	hold() {
		return new Promise((resolve) => this.session.hold({}, () => resolve(true)));
	},

	unhold() {
		return new Promise((resolve) => this.session.unhold({}, () => resolve(true)));
	},

	// A re-INVITE that starts ICE anew.
	renegotiate(options = {}) {
		return new Promise((resolve) => this.session.renegotiate(options, () => resolve(true)));
	},

	// A recorder begins with a key frame, and has who sends asked for it.
	ask_for_a_key_frame() {
		const receiver = this.connection.getReceivers().find((r) => r.track.kind === "video");

		new MediaRecorder(new MediaStream([receiver.track])).start();
	},

	async stats() {
		const all = [...(await this.connection.getStats()).values()];

		return all.filter((s) => ["inbound-rtp", "outbound-rtp", "remote-inbound-rtp", "transport", "candidate-pair"].includes(s.type));
	},

	// Whom `session` talks to is sent elsewhere; when that went well this phone hangs up.
	transfer(session, target, options) {
		const told = (what) => (e) => {
			events.push({ name: "transfer", what, status: e && e.status_line ? e.status_line.status_code : null });
			if (what === "accepted")
				this.sessions.filter((s) => s.isEstablished()).forEach((s) => s.terminate());
		};
		const eventHandlers = {};

		for (const what of ["requestSucceeded", "requestFailed", "trying", "progress", "accepted", "failed"])
			eventHandlers[what] = told(what);
		session.refer(target, { eventHandlers, ...options });
	},

	refer(target) {
		this.transfer(this.session, target, {});
	},

	// Of two calls: those at the far ends talk to each other.
	join() {
		const [first, second] = this.sessions;

		this.transfer(first, second.remote_identity.uri, { replaces: second });
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

	message({ target, text }) {
		this.ua.sendMessage(target, text, {
			eventHandlers: {
				succeeded: (e) => events.push({ name: "message", status: e.response.status_code }),
				failed: (e) => events.push({ name: "message", status: e.response && e.response.status_code, cause: e.cause }),
			},
		});
	},

	watch({ target, event, accept, expires = 120 }) {
		this.subscriber = this.ua.subscribe(target, event, accept, { expires });
		this.subscriber.on("notify", (isFinal, request, body, type) => events.push({ name: "notify", event, isFinal, body, type }));
		this.subscriber.on("terminated", (code, reason) => events.push({ name: "terminated", event, code, reason: reason || null }));
		this.subscriber.subscribe();
	},

	unwatch() {
		this.subscriber.terminate();
	},

	stop() {
		this.ua.stop();
	},
};
