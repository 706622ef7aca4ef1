/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As much SIP as placing calls over loopback needs: a caller with digest authentication, INVITE and REGISTER sent again
 * until answered, and a callee that answers everything at once.  It believes its server and is no example of a SIP stack.
 */
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "bench/load.h"

enum { MESSAGE = 8192, VALUE = 1024, PORT_A = 5080, PORT_B = 5060, MAX_SENDS = 6 };

enum call_state {
	CALL_IDLE,
	CALL_CALLING,
	CALL_PROCEEDING,
	CALL_UP,
	CALL_ENDING,
	CALL_ENDED,
	CALL_FAILED
};

struct request { /* one that may be challenged and is sent again */
	char id[64];
	unsigned cseq, nsends, nchallenges;
	uint64_t sent_ns;
	bool is_accepted; /* a 2xx came */
	char authorization[VALUE];
};

struct call {
	enum call_state state;
	struct request req;
	char to[VALUE], target[VALUE], routes[VALUE];
};

struct answered { /* the callee's side: a repeated INVITE gets the same leg */
	char id[128];
};

struct sip {
	struct sip_conf conf;
	struct load *load;
	int fd_a, fd_b;
	struct call *calls;
	struct answered *answered;
	size_t nanswered, nup, nfailed, nended;
	struct request reg;
	bool is_registering, is_registered;
};

static int socket_at(const char *ip, uint16_t port)
{
	struct sockaddr_in at = bench_addr(ip, port);
	int bytes = 4 << 20, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		bench_fail("bind %s:%u", ip, port);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return fd;
}

struct sip *sip_open(const struct sip_conf *conf, struct load *load)
{
	struct sip *s = calloc(1, sizeof(*s));

	s->conf = *conf;
	s->load = load;
	s->calls = calloc(load->ncalls, sizeof(*s->calls));
	s->answered = calloc(load->ncalls, sizeof(*s->answered));
	s->fd_a = socket_at(conf->ip_a, PORT_A);
	s->fd_b = socket_at(conf->ip_b, PORT_B);
	return s;
}

__attribute__((format(printf, 2, 3))) static void add(char *msg, const char *fmt, ...)
{
	size_t n = strlen(msg);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg + n, MESSAGE - n, fmt, ap);
	va_end(ap);
}

static void send_text(int fd, const struct sockaddr_in *to, const char *msg)
{
	sendto(fd, msg, strlen(msg), 0, (const struct sockaddr *)to, sizeof(*to));
}

/* The nth header of that name, without its name; false when there is none. */
static bool header(const char *msg, const char *name, unsigned nth, char *dst, size_t ndst)
{
	size_t n = strlen(name);

	for (const char *p = strstr(msg, "\r\n"); p && p[2] && p[2] != '\r';
	     p = strstr(p + 2, "\r\n")) {
		const char *v = p + 2;
		size_t len;

		if (strncasecmp(v, name, n) || v[n] != ':' || nth--)
			continue;
		v += n + 1;
		v += strspn(v, " ");
		len = strcspn(v, "\r\n");
		if (len >= ndst)
			len = ndst - 1;
		memcpy(dst, v, len);
		dst[len] = '\0';
		return true;
	}
	dst[0] = '\0';
	return false;
}

static void copy_headers(char *dst, const char *msg, const char *name)
{
	char value[VALUE];

	for (unsigned i = 0; header(msg, name, i, value, sizeof(value)); i++)
		add(dst, "%s: %s\r\n", name, value);
}

/* A parameter of a challenge, quoted or not. */
static bool parameter(const char *value, const char *name, char *dst, size_t ndst)
{
	size_t n = strlen(name), len;

	for (const char *p = value; (p = strcasestr(p, name)); p += n) {
		if ((p > value && !strchr(" ,", p[-1])) || p[n] != '=')
			continue;
		p += n + 1;
		len = *p == '"' ? strcspn(++p, "\"") : strcspn(p, ", ");
		if (len >= ndst)
			len = ndst - 1;
		memcpy(dst, p, len);
		dst[len] = '\0';
		return true;
	}
	dst[0] = '\0';
	return false;
}

__attribute__((format(printf, 3, 4))) static void digest(char hex[65], const EVP_MD *md,
							 const char *fmt, ...)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	char text[MESSAGE];
	unsigned n = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (EVP_Digest(text, strlen(text), raw, &n, md, NULL) != 1)
		n = 0;
	for (unsigned i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", raw[i]);
}

/* The Authorization header that answers a challenge; the first that we can answer. */
static bool authorize(struct request *req, const char *msg, const char *method, const char *uri,
		      const char *user, const char *password)
{
	const char *names[2][2] = {{"WWW-Authenticate", "Authorization"},
				   {"Proxy-Authenticate", "Proxy-Authorization"}};
	char ch[VALUE], realm[256], nonce[512], algorithm[64], opaque[256], qop[64], ha1[65],
		ha2[65], answer[65];

	for (unsigned i = 0; i < 4 && password; i++) {
		const EVP_MD *md;

		if (!header(msg, names[i & 1][0], i / 2, ch, sizeof(ch)))
			continue;
		parameter(ch, "realm", realm, sizeof(realm));
		parameter(ch, "nonce", nonce, sizeof(nonce));
		parameter(ch, "algorithm", algorithm, sizeof(algorithm));
		parameter(ch, "qop", qop, sizeof(qop));
		md = !algorithm[0] || !strcasecmp(algorithm, "MD5") ? EVP_md5()
		     : !strcasecmp(algorithm, "SHA-256")	    ? EVP_sha256()
								    : NULL;
		if (!md)
			continue;
		digest(ha1, md, "%s:%s:%s", user, realm, password);
		digest(ha2, md, "%s:%s", method, uri);
		if (qop[0])
			digest(answer, md, "%s:%s:00000001:c0ffee:auth:%s", ha1, nonce, ha2);
		else
			digest(answer, md, "%s:%s:%s", ha1, nonce, ha2);
		snprintf(req->authorization, sizeof(req->authorization),
			 "%s: Digest "
			 "username=\"%s\",realm=\"%s\",nonce=\"%s\",uri=\"%s\",response=\"%s\","
			 "algorithm=%s%s",
			 names[i & 1][1], user, realm, nonce, uri, answer,
			 algorithm[0] ? algorithm : "MD5",
			 qop[0] ? ",qop=auth,nc=00000001,cnonce=\"c0ffee\"" : "");
		if (parameter(ch, "opaque", opaque, sizeof(opaque))) {
			size_t n = strlen(req->authorization);

			snprintf(req->authorization + n, sizeof(req->authorization) - n,
				 ",opaque=\"%s\"", opaque);
		}
		return true;
	}
	return false;
}

static void add_sdp(char *msg, const char *ip, size_t call)
{
	char body[512];
	int n = snprintf(body, sizeof(body),
			 "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u "
			 "RTP/AVP 0\r\n"
			 "a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n",
			 ip, ip, bench_leg_port(call));

	add(msg, "Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", n, body);
}

static void leg_up(struct load_leg *leg, const char *msg)
{
	const char *c = strstr(msg, "\r\nc=IN IP4 "), *m = strstr(msg, "\r\nm=audio ");
	char ip[32];
	unsigned port;

	if (!c || !m || sscanf(c + 11, "%31[0-9.]", ip) != 1 || sscanf(m + 10, "%u", &port) != 1)
		return;
	leg->to = bench_addr(ip, (uint16_t)port);
	leg->is_up = true;
}

static void begin(char *msg, const struct sip *s, const char *method, const char *uri,
		  const struct request *req, bool is_a)
{
	const char *ip = is_a ? s->conf.ip_a : s->conf.ip_b;
	const char *user = is_a ? s->conf.from : s->conf.callee;
	unsigned port = is_a ? PORT_A : PORT_B;
	/* The ACK of a refusal belongs to the INVITE's transaction. */
	bool is_refusal = !strcmp(method, "ACK") && !req->is_accepted;

	msg[0] = '\0';
	add(msg,
	    "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP "
	    "%s:%u;branch=z9hG4bK-%s-%u-%.3s;rport\r\nMax-Forwards: 70\r\n",
	    method, uri, ip, port, req->id, req->cseq, is_refusal ? "INVITE" : method);
	add(msg,
	    "From: <sip:%s@%s>;tag=%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:%s@%s:%u>\r\n",
	    user, s->conf.domain, req->id, req->id, req->cseq, method, user, ip, port);
}

static void send_register(struct sip *s)
{
	char msg[MESSAGE], uri[VALUE];

	snprintf(uri, sizeof(uri), "sip:%s", s->conf.domain);
	begin(msg, s, "REGISTER", uri, &s->reg, false);
	add(msg, "To: <sip:%s@%s>\r\nExpires: 3600\r\n", s->conf.callee, s->conf.domain);
	if (s->reg.authorization[0])
		add(msg, "%s\r\n", s->reg.authorization);
	add(msg, "Content-Length: 0\r\n\r\n");
	send_text(s->fd_b, &s->conf.server, msg);
	s->reg.sent_ns = load_now_ns();
	s->reg.nsends++;
}

void sip_register(struct sip *s)
{
	snprintf(s->reg.id, sizeof(s->reg.id), "r%lx", load_now_ns());
	s->reg.cseq = 1;
	s->is_registering = true;
	send_register(s);
}

static void uri_to(const struct sip *s, char uri[VALUE])
{
	snprintf(uri, VALUE, "sip:%s@%s", s->conf.to, s->conf.domain);
}

static void send_invite(struct sip *s, size_t k)
{
	struct call *c = &s->calls[k];
	char msg[MESSAGE], uri[VALUE];

	uri_to(s, uri);
	begin(msg, s, "INVITE", uri, &c->req, true);
	add(msg, "To: <%s>\r\n", uri);
	if (c->req.authorization[0])
		add(msg, "%s\r\n", c->req.authorization);
	add_sdp(msg, s->conf.ip_a, k);
	send_text(s->fd_a, &s->conf.server, msg);
	c->req.sent_ns = load_now_ns();
	c->req.nsends++;
}

void sip_call(struct sip *s, size_t k)
{
	struct call *c = &s->calls[k];

	snprintf(c->req.id, sizeof(c->req.id), "c%zu-%lx", k, load_now_ns());
	c->req.cseq = 1;
	c->state = CALL_CALLING;
	send_invite(s, k);
}

/* ACK of a final answer, and BYE. */
static void send_in_dialog(struct sip *s, size_t k, const char *method, const char *uri,
			   const char *to)
{
	struct call *c = &s->calls[k];
	char msg[MESSAGE];

	begin(msg, s, method, uri, &c->req, true);
	add(msg, "To: %s\r\n%s", to, c->routes);
	if (!strcmp(method, "BYE") && c->req.authorization[0])
		add(msg, "%s\r\n", c->req.authorization);
	add(msg, "Content-Length: 0\r\n\r\n");
	send_text(s->fd_a, &s->conf.server, msg);
	c->req.sent_ns = load_now_ns();
}

static void challenged(struct sip *s, size_t k, const char *msg, const char *method,
		       const char *uri)
{
	struct call *c = &s->calls[k];

	if (c->req.nchallenges++ < 2 &&
	    authorize(&c->req, msg, method, uri, s->conf.from, s->conf.from_password)) {
		c->req.cseq++;
		c->req.nsends = 0;
		if (c->state == CALL_ENDING)
			send_in_dialog(s, k, "BYE", c->target, c->to);
		else
			send_invite(s, k);
		return;
	}
	c->state = CALL_FAILED;
	s->nfailed++;
}

static void take_routes(struct call *c, const char *msg)
{
	char value[VALUE];
	unsigned n = 0;

	while (header(msg, "Record-Route", n, value, sizeof(value)))
		n++;
	for (c->routes[0] = '\0'; n--;) {
		size_t at = strlen(c->routes);

		header(msg, "Record-Route", n, value, sizeof(value));
		snprintf(c->routes + at, sizeof(c->routes) - at, "Route: %s\r\n", value);
	}
}

static void answered(struct sip *s, size_t k, const char *msg)
{
	struct call *c = &s->calls[k];
	char contact[VALUE], *p;

	header(msg, "To", 0, c->to, sizeof(c->to));
	header(msg, "Contact", 0, contact, sizeof(contact));
	p = strchr(contact, '<');
	snprintf(c->target, sizeof(c->target), "%s", p ? p + 1 : contact);
	c->target[strcspn(c->target, ">")] = '\0';
	take_routes(c, msg);
	c->req.is_accepted = true;
	send_in_dialog(s, k, "ACK", c->target, c->to);
	if (c->state == CALL_UP)
		return;
	c->state = CALL_UP;
	s->nup++;
	leg_up(&s->load->legs[2 * k], msg);
}

static void invite_answer(struct sip *s, size_t k, const char *msg, unsigned code, unsigned cseq)
{
	struct call *c = &s->calls[k];
	char uri[VALUE], to[VALUE];

	if (code < 200) {
		if (c->state == CALL_CALLING && cseq == c->req.cseq)
			c->state = CALL_PROCEEDING;
		return;
	}
	if (code < 300) {
		if (c->state <= CALL_UP)
			answered(s, k, msg);
		return;
	}
	if (cseq != c->req.cseq || c->state > CALL_PROCEEDING)
		return;
	uri_to(s, uri);
	header(msg, "To", 0, to, sizeof(to));
	send_in_dialog(s, k, "ACK", uri, to);
	c->state = CALL_CALLING;
	if (code == 401 || code == 407) {
		challenged(s, k, msg, "INVITE", uri);
		return;
	}
	c->state = CALL_FAILED;
	if (s->nfailed++ < 3)
		fprintf(stderr, "call %zu: %.*s\n", k, (int)strcspn(msg, "\r"), msg);
}

void sip_hang_up(struct sip *s, size_t k)
{
	struct call *c = &s->calls[k];

	if (c->state != CALL_UP)
		return;
	c->state = CALL_ENDING;
	c->req.cseq++;
	c->req.nsends = 1;
	c->req.nchallenges = 0;
	c->req.authorization[0] = '\0';
	send_in_dialog(s, k, "BYE", c->target, c->to);
}

static void reply(const struct sip *s, int fd, const struct sockaddr_in *to, const char *msg,
		  const char *status, long leg)
{
	char out[MESSAGE] = "", value[VALUE];

	add(out, "SIP/2.0 %s\r\n", status);
	copy_headers(out, msg, "Via");
	copy_headers(out, msg, "Record-Route");
	copy_headers(out, msg, "From");
	header(msg, "To", 0, value, sizeof(value));
	add(out, "To: %s%s\r\n", value, strstr(value, "tag=") ? "" : ";tag=callee");
	copy_headers(out, msg, "Call-ID");
	copy_headers(out, msg, "CSeq");
	add(out, "Contact: <sip:callee@%s:%u>\r\n", fd == s->fd_a ? s->conf.ip_a : s->conf.ip_b,
	    fd == s->fd_a ? PORT_A : PORT_B);
	if (leg >= 0)
		add_sdp(out, s->conf.ip_b, (size_t)leg);
	else
		add(out, "Content-Length: 0\r\n\r\n");
	send_text(fd, to, out);
}

static void invited(struct sip *s, const struct sockaddr_in *from, const char *msg)
{
	char id[128];
	size_t k;

	header(msg, "Call-ID", 0, id, sizeof(id));
	for (k = s->nanswered; k-- && strcmp(s->answered[k].id, id);)
		;
	if (k == (size_t)-1) {
		if (s->nanswered == s->load->ncalls) {
			reply(s, s->fd_b, from, msg, "486 Busy Here", -1);
			return;
		}
		k = s->nanswered++;
		snprintf(s->answered[k].id, sizeof(s->answered[k].id), "%s", id);
		reply(s, s->fd_b, from, msg, "180 Ringing", -1);
	}
	leg_up(&s->load->legs[2 * k + 1], msg);
	reply(s, s->fd_b, from, msg, "200 OK", (long)k);
}

static void requested(struct sip *s, int fd, const struct sockaddr_in *from, const char *msg)
{
	if (!strncmp(msg, "ACK ", 4))
		return;
	if (!strncmp(msg, "INVITE ", 7) && fd == s->fd_b)
		invited(s, from, msg);
	else
		reply(s, fd, from, msg, "200 OK", -1);
}

static void register_answer(struct sip *s, const char *msg, unsigned code)
{
	char uri[VALUE];

	snprintf(uri, sizeof(uri), "sip:%s", s->conf.domain);
	if (code == 200) {
		s->is_registered = true;
		s->is_registering = false;
	} else if ((code == 401 || code == 407) && s->reg.nchallenges++ < 2 &&
		   authorize(&s->reg, msg, "REGISTER", uri, s->conf.callee,
			     s->conf.callee_password)) {
		s->reg.cseq++;
		s->reg.nsends = 0;
		send_register(s);
	} else if (code >= 300) {
		fprintf(stderr, "REGISTER: %.*s\n", (int)strcspn(msg, "\r"), msg);
		s->is_registering = false;
	}
}

static void responded(struct sip *s, const char *msg)
{
	unsigned code, cseq;
	char id[64], line[64], method[16];
	size_t k;

	header(msg, "Call-ID", 0, id, sizeof(id));
	header(msg, "CSeq", 0, line, sizeof(line));
	if (sscanf(msg, "SIP/2.0 %u", &code) != 1 || sscanf(line, "%u %15s", &cseq, method) != 2)
		return;
	if (!strcmp(id, s->reg.id) && code >= 200 && cseq == s->reg.cseq) {
		register_answer(s, msg, code);
		return;
	}
	if (id[0] != 'c')
		return;
	k = strtoul(id + 1, NULL, 10);
	if (k >= s->load->ncalls || strcmp(id, s->calls[k].req.id))
		return;
	if (!strcmp(method, "INVITE")) {
		invite_answer(s, k, msg, code, cseq);
	} else if (!strcmp(method, "BYE") && code >= 200 && s->calls[k].state == CALL_ENDING &&
		   cseq == s->calls[k].req.cseq) {
		if (code == 401 || code == 407) {
			challenged(s, k, msg, "BYE", s->calls[k].target);
			return;
		}
		s->calls[k].state = CALL_ENDED;
		s->nended++;
	}
}

static void again(struct sip *s, uint64_t now_ns)
{
	for (size_t k = 0; k < s->load->ncalls; k++) {
		struct call *c = &s->calls[k];
		bool is_invite = c->state == CALL_CALLING, is_bye = c->state == CALL_ENDING;

		if ((!is_invite && !is_bye) || c->req.nsends >= MAX_SENDS ||
		    now_ns - c->req.sent_ns < 500000000ull << c->req.nsends)
			continue;
		if (is_invite) {
			send_invite(s, k);
		} else {
			send_in_dialog(s, k, "BYE", c->target, c->to);
			c->req.nsends++;
		}
	}
	if (s->is_registering && s->reg.nsends < MAX_SENDS &&
	    now_ns - s->reg.sent_ns >= 500000000ull << s->reg.nsends)
		send_register(s);
}

void sip_poll(struct sip *s, uint64_t now_ns)
{
	int fds[2] = {s->fd_a, s->fd_b};
	static uint64_t again_ns;

	for (size_t i = 0; i < 2; i++) {
		for (int m = 0; m < 64; m++) {
			char msg[MESSAGE];
			struct sockaddr_in from;
			socklen_t nfrom = sizeof(from);
			ssize_t n = recvfrom(fds[i], msg, sizeof(msg) - 1, 0,
					     (struct sockaddr *)&from, &nfrom);

			if (n < 0)
				break;
			msg[n] = '\0';
			if (!strncmp(msg, "SIP/2.0 ", 8))
				responded(s, msg);
			else if (n > 10)
				requested(s, fds[i], &from, msg);
		}
	}
	if (now_ns - again_ns > 100000000) {
		again_ns = now_ns;
		again(s, now_ns);
	}
}

int sip_fd_a(const struct sip *s)
{
	return s->fd_a;
}

int sip_fd_b(const struct sip *s)
{
	return s->fd_b;
}

bool sip_is_registered(const struct sip *s)
{
	return s->is_registered;
}

size_t sip_nup(const struct sip *s)
{
	return s->nup;
}

size_t sip_nfailed(const struct sip *s)
{
	return s->nfailed;
}

size_t sip_nended(const struct sip *s)
{
	return s->nended;
}
