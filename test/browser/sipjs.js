// SPDX-License-Identifier: GPL-3.0-or-later
// Runs in the page: one phone on SIP.js, with the words of page.js.
import * as SIP from "/sip.js/index.js";

const address = (uri) => SIP.UserAgent.makeURI(uri);

window.phone = {
	events,
	heard,
	hz: 440,
	video: false,
	ua: null,
	session: null, // the last one
	sessions: [],

	async start({ url, uri, password, reliably = "Unsupported" }) {
		this.ua = new SIP.UserAgent({
			reconnectionAttempts: 10, reconnectionDelay: 1,
			sipExtension100rel: reliably,
			uri: address(uri), transportOptions: { server: url }, logLevel: "error",
			authorizationUsername: address(uri).user, authorizationPassword: password,
			sessionDescriptionHandlerFactory: SIP.Web.defaultSessionDescriptionHandlerFactory(() => source(this.hz, this.video)),
			sessionDescriptionHandlerFactoryOptions: { iceGatheringTimeout: 1000, peerConnectionConfiguration: { iceServers: [] } },
			delegate: { onInvite: (invitation) => this.add(invitation, "remote") },
		});
		const registerer = new SIP.Registerer(this.ua, { expires: 120 });

		registerer.stateChange.addListener((state) => events.push({ name: state.toLowerCase() }));
		this.ua.delegate.onDisconnect = () => events.push({ name: "disconnected" });
		this.ua.delegate.onConnect = () => {
			events.push({ name: "connected" });
			registerer.register();
		};
		await this.ua.start();
	},

	add(session, originator) {
		this.session = session;
		this.sessions.push(session);
		events.push({ name: "session", originator, from: session.remoteIdentity.uri.toString() });
		session.stateChange.addListener((state) => {
			if (state === SIP.SessionState.Established)
				this.listen(session);
			const name = { Established: "confirmed", Terminated: "ended" }[state];

			if (name)
				events.push({ name });
		});
	},

	listen(session) {
		this.connection = session.sessionDescriptionHandler.peerConnection;
		listen(session.sessionDescriptionHandler.remoteMediaStream);
	},

	constraints() {
		return { constraints: { audio: true, video: this.video } };
	},

	// early: what comes before the answer is listened to; late: the other side offers.
	async call({ target, hz = 440, video = false, early = false, late = false }) {
		Object.assign(this, { hz, video });
		const inviter = new SIP.Inviter(this.ua, address(target), { earlyMedia: early, inviteWithoutSdp: late,
			sessionDescriptionHandlerOptions: this.constraints() });

		this.add(inviter, "local");
		if (early)
			inviter.delegate = { onSessionDescriptionHandler: (handler) => {
				handler.peerConnectionDelegate = { ontrack: () => listen(handler.remoteMediaStream) };
			} };
		await inviter.invite({ requestDelegate: { onProgress: ({ message }) => {
			events.push({ name: "progress", status: message.statusCode });
		} } });
	},

	async answer({ hz = 440, video = false } = {}) {
		Object.assign(this, { hz, video });
		await this.session.accept({ sessionDescriptionHandlerOptions: this.constraints() });
	},

	reinvite(hold) {
		this.session.sessionDescriptionHandlerOptionsReInvite = { hold };
		return new Promise((resolve, reject) => this.session.invite({ requestDelegate: { onAccept: () => resolve(true), onReject: reject } }));
	},

	hold() {
		return this.reinvite(true);
	},

	unhold() {
		return this.reinvite(false);
	},

	// The network is away for a moment: the library connects anew by itself.
	lose_connection() {
		this.ua.transport.ws.close();
	},

	press(key) {
		this.session.sessionDescriptionHandler.sendDtmf(key);
	},

	async stats() {
		return [...(await this.connection.getStats()).values()];
	},

	watch({ target, event, expires = 120 }) {
		this.subscriber = new SIP.Subscriber(this.ua, address(target), event, { expires });
		this.subscriber.delegate = { onNotify: (notification) => {
			notification.accept();
			events.push({ name: "notify", event, body: notification.request.body, type: notification.request.getHeader("Content-Type") });
		} };
		this.subscriber.stateChange.addListener((state) => events.push({ name: state.toLowerCase(), event }));
		return this.subscriber.subscribe();
	},

	unwatch() {
		return this.subscriber.unsubscribe();
	},

	// Whom `session` talks to is sent elsewhere; when that went well this phone hangs up.
	transfer(session, target) {
		return session.refer(target, {
			onNotify: (notification) => {
				const status = Number(notification.request.body.split(" ")[1]);

				notification.accept();
				events.push({ name: "transfer", what: status < 200 ? "progress" : status < 300 ? "accepted" : "failed", status });
				if (status >= 200 && status < 300)
					this.sessions.filter((s) => s.state === SIP.SessionState.Established).forEach((s) => s.bye());
			},
		}).then(() => true);
	},

	refer(target) {
		return this.transfer(this.session, address(target));
	},

	join() {
		return this.transfer(...this.sessions);
	},

	async hangup() {
		const { session } = this;

		if (session.state === SIP.SessionState.Established)
			await session.bye();
		else
			await (session.cancel || session.reject).call(session);
	},
};
