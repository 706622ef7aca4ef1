// SPDX-License-Identifier: GPL-3.0-or-later
// Runs in the page: one phone on SIP.js, with the words of page.js.
import * as SIP from "/sip.js/index.js";

const address = (uri) => SIP.UserAgent.makeURI(uri);

window.phone = {
	events,
	heard,
	hz: 440,
	ua: null,
	session: null, // the last one
	sessions: [],

	async start({ url, uri, password }) {
		this.ua = new SIP.UserAgent({
			uri: address(uri), transportOptions: { server: url }, logLevel: "error",
			authorizationUsername: address(uri).user, authorizationPassword: password,
			sessionDescriptionHandlerFactory: SIP.Web.defaultSessionDescriptionHandlerFactory(() => source(this.hz, false)),
			sessionDescriptionHandlerFactoryOptions: { iceGatheringTimeout: 1000, peerConnectionConfiguration: { iceServers: [] } },
			delegate: { onInvite: (invitation) => this.add(invitation, "remote") },
		});
		const registerer = new SIP.Registerer(this.ua, { expires: 120 });

		registerer.stateChange.addListener((state) => events.push({ name: state.toLowerCase() }));
		await this.ua.start();
		await registerer.register();
	},

	add(session, originator) {
		this.session = session;
		this.sessions.push(session);
		events.push({ name: "session", originator, from: session.remoteIdentity.uri.toString() });
		session.stateChange.addListener((state) => {
			if (state === SIP.SessionState.Established)
				listen(session.sessionDescriptionHandler.remoteMediaStream);
			const name = { Established: "confirmed", Terminated: "ended" }[state];

			if (name)
				events.push({ name });
		});
	},

	async call({ target, hz = 440 }) {
		const inviter = new SIP.Inviter(this.ua, address(target));

		this.hz = hz;
		this.add(inviter, "local");
		await inviter.invite();
	},

	async answer({ hz = 440 } = {}) {
		this.hz = hz;
		await this.session.accept();
	},

	hold() {
		this.session.sessionDescriptionHandlerOptionsReInvite = { hold: true };
		return new Promise((resolve, reject) => this.session.invite({ requestDelegate: { onAccept: () => resolve(true), onReject: reject } }));
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
