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

// With a moving picture on request.
async function source(hz, video) {
	const stream = tone(hz);

	if (video)
		stream.addTrack((await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240, frameRate: 15 } })).getVideoTracks()[0]);
	return stream;
}

// What is heard: ten times a second the loudest frequency of what comes, and how loud it is.
const heard = [];

function listen(stream) {
	const player = new Audio(), audio = new AudioContext(), analyser = audio.createAnalyser();

	player.srcObject = stream; // else nothing is decoded
	player.muted = true;
	player.play();
	analyser.fftSize = 4096;
	analyser.smoothingTimeConstant = 0;
	audio.createMediaStreamSource(stream).connect(analyser);

	const bins = new Float32Array(analyser.frequencyBinCount), step = audio.sampleRate / analyser.fftSize;

	setInterval(() => {
		let top = 1;

		analyser.getFloatFrequencyData(bins);
		for (let i = 1; i < bins.length; i++)
			if (bins[i] > bins[top])
				top = i;
		heard.push({ hz: top * step, db: isFinite(bins[top]) ? bins[top] : -200 });
	}, 100);
}

window.phone = {
	events,
	heard,
	ua: null,
	session: null,

	start({ url, uri, password, sockets = {} }) {
		const socket = new JsSIP.WebSocketInterface(url);

		Object.assign(socket, sockets);
		this.ua = new JsSIP.UA({ sockets: [socket], uri, password, register: true, session_timers: false, register_expires: 120 });
		for (const name of ["connected", "disconnected", "registered", "unregistered", "registrationFailed"])
			this.ua.on(name, (e) => events.push({ name, status: e.response ? e.response.status_code : null, cause: e.cause || null }));
		this.ua.on("newMessage", ({ originator, request }) => {
			if (originator === "remote")
				events.push({ name: "said", from: request.from.uri.toString(), text: request.body });
		});
		this.ua.on("newRTCSession", ({ originator, session }) => {
			this.session = session;
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
