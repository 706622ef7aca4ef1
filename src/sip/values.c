/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking into the index of a message: fields by kind, values over repeated fields and comma lists. */
#include "sip/chars.h"
#include "sip/header.h"
#include "sip/via.h"

bool sip_msg_has(const struct sip_msg *m, enum sip_hdr id)
{
	return id < SIP_HDR_OTHER && m->first[id];
}

struct str sip_msg_header(const struct sip_msg *m, enum sip_hdr id)
{
	return sip_msg_has(m, id) ? m->headers[m->first[id] - 1].value : STR_NONE;
}

struct str sip_msg_header_named(const struct sip_msg *m, struct str name)
{
	enum sip_hdr id = sip_header_find(name);

	if (id != SIP_HDR_OTHER)
		return sip_msg_header(m, id);
	for (unsigned i = 0; i < m->nheaders; i++)
		if (m->headers[i].id == SIP_HDR_OTHER && str_ieq(m->headers[i].name, name))
			return m->headers[i].value;
	return STR_NONE;
}

void sip_values_init(struct sip_values *v, const struct sip_msg *m, enum sip_hdr id)
{
	*v = (struct sip_values){.msg = m, .id = id};
	v->next = sip_msg_has(m, id) ? m->first[id] - 1u : m->nheaders;
}

/* Where the value at the front of s ends: a comma outside quotes and angle brackets.  Unbalanced: the end. */
static size_t value_end(struct str s)
{
	bool in_brackets = false;
	size_t i = 0;

	while (i < s.n) {
		switch (s.p[i]) {
		case '"':
			i = in_brackets ? i + 1 : sip_quoted_end(s, i);
			if (!i)
				return s.n;
			continue;
		case '<':
			in_brackets = true;
			break;
		case '>':
			in_brackets = false;
			break;
		case ',':
			if (!in_brackets)
				return i;
			break;
		}
		i++;
	}
	return s.n;
}

struct str sip_value_first(struct str *list)
{
	size_t end = value_end(*list);
	struct str value = str_trim(sip_sub(*list, 0, end));

	*list = end < list->n ? sip_sub(*list, end + 1, list->n) : STR_NONE;
	return value;
}

bool sip_values_next(struct sip_values *v, struct str *value)
{
	for (;;) {
		while (!v->rest.n) {
			while (v->next < v->msg->nheaders && v->msg->headers[v->next].id != v->id)
				v->next++;
			if (v->next >= v->msg->nheaders)
				return false;
			v->rest = v->msg->headers[v->next++].value;
		}
		if (sip_header_is_list(v->id)) {
			*value = sip_value_first(&v->rest);
		} else {
			*value = v->rest;
			v->rest = STR_NONE;
		}
		if (value->n)
			return true;
	}
}

bool sip_msg_lists(const struct sip_msg *m, enum sip_hdr id, struct str token)
{
	struct sip_values v;
	struct str value;

	sip_values_init(&v, m, id);
	while (sip_values_next(&v, &value))
		if (str_ieq(str_trim(str_cut(&value, ';')), token))
			return true;
	return false;
}

int sip_from(const struct sip_msg *m, struct sip_addr *a)
{
	return sip_addr_parse(a, sip_msg_header(m, SIP_HDR_FROM));
}

int sip_to(const struct sip_msg *m, struct sip_addr *a)
{
	return sip_addr_parse(a, sip_msg_header(m, SIP_HDR_TO));
}

int sip_contact(const struct sip_msg *m, struct sip_addr *a)
{
	struct sip_values v;
	struct str value;

	sip_values_init(&v, m, SIP_HDR_CONTACT);
	if (!sip_values_next(&v, &value))
		return ENOENT;
	return sip_addr_parse(a, value);
}
