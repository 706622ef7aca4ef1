/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "base/log.h"
#include "base/thread.h"
#include "sip/trace.h"
#include "sip/write.h"

static const struct {
	struct str begin; /* of a line, in any case */
	struct str
		secret; /* what follows this, up to the next of the characters below, is not shown */
} hidden[] = {
	{{"Authorization", 13}, {"response=\"", 10}},
	{{"Proxy-Authorization", 19}, {"response=\"", 10}},
	{{"a=crypto:", 9}, {"inline:", 7}},
	{{"a=ice-pwd:", 10}, {"a=ice-pwd:", 10}},
};

static bool begins(struct str line, struct str with)
{
	return line.n >= with.n && str_ieq((struct str){line.p, with.n}, with);
}

static size_t find(struct str in, struct str what)
{
	for (size_t i = 0; i + what.n <= in.n; i++)
		if (str_ieq((struct str){in.p + i, what.n}, what))
			return i;
	return in.n;
}

/* rule: of the line, or of the one that it goes on (RFC 3261 7.3.1). */
static void write_line(const char *mark, struct str line, size_t rule)
{
	size_t at = line.n, end;

	if (rule < ARRAY_LEN(hidden))
		at = find(line, hidden[rule].secret);
	if (at == line.n) {
		log_write(LOG_TRACE, NULL, LOGID_SIP_MESSAGE, "%s %.*s", mark, STR_ARG(line));
		return;
	}
	at += hidden[rule].secret.n;
	for (end = at; end < line.n && !strchr("\" |;,", line.p[end]);)
		end++;
	log_write(LOG_TRACE, NULL, LOGID_SIP_MESSAGE, "%s %.*s...%.*s", mark, (int)at, line.p,
		  (int)(line.n - end), line.p + end);
}

static size_t rule_of(struct str line, size_t before)
{
	if (line.n && (*line.p == ' ' || *line.p == '\t'))
		return before;
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		if (begins(line, hidden[i].begin))
			return i;
	return ARRAY_LEN(hidden);
}

/* What the body is, when this line says so. */
static bool is_type(struct str line, struct str *type)
{
	struct str rest = line, name = str_trim(str_cut(&rest, ':'));

	if (!str_ieq(name, STR("Content-Type")) && !str_ieq(name, STR("c")))
		return false;
	*type = str_trim(str_cut(&rest, ';'));
	return true;
}

static bool is_shown(struct str type)
{
	static const struct str shown[] = {
		{"application/sdp", 15},
		{"message/sipfrag", 15},
		{"application/dialog-info+xml", 27},
		{"application/simple-message-summary", 34},
		{"application/reginfo+xml", 23},
	};

	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		if (str_ieq(type, shown[i]))
			return true;
	return false;
}

void trace_message(bool is_sent, const struct flow *flow, const void *p, size_t n)
{
	struct str rest = {p, n}, line, type = STR("no type");
	const char *mark = is_sent ? ">" : "<";
	struct str transport;
	char who[ADDR_STR_BYTES];
	size_t rule = ARRAY_LEN(hidden);
	bool is_body = false;

	ON_THREAD(THREAD_CORE);
	if (!log_wants(LOG_TRACE))
		return;
	transport = sip_transport_name(flow->transport);
	log_write(LOG_TRACE, NULL, LOGID_SIP_MESSAGE, "%s %s over %.*s, %zu bytes",
		  is_sent ? "to" : "from", addr_str(who, &flow->remote), STR_ARG(transport), n);
	while (rest.p && rest.n) {
		line = str_cut(&rest, '\n');
		while (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!is_body && !line.n && rest.n && !is_shown(type)) {
			log_write(LOG_TRACE, NULL, LOGID_SIP_MESSAGE, "%s (%zu bytes of %.*s)",
				  mark, rest.n, STR_ARG(type));
			return;
		}
		is_body |= !line.n;
		if (!is_body)
			(void)is_type(line, &type);
		rule = rule_of(line, rule);
		write_line(mark, line, rule);
	}
}
