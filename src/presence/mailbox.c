/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The message-summary package: how many messages wait in the mailbox of an extension.  The mailbox itself is somebody else's:
 * its counts are asked for when they are told.
 *
 * A device that has not subscribed may be told too (account.message_waiting): when it registers, and when the counts change.
 *
 * Sources  RFC 3842 (5.2, the body; 3.9: without subscription, as many phones expect)
 */
#include <string.h>
#include "base/log.h"
#include "base/metric.h"
#include "presence/device.h"

static unsigned find(struct presence *p, const struct identity *who, struct str user, uint64_t *id)
{
	const struct extension *e = presence_extension(p, who->tenant->o.id, user);

	if (!e)
		return 404;
	if (e != who->extension) /* what waits is nobody else's business */
		return 403;
	*id = e->o.id;
	return 0;
}

static void counts_of(const struct presence *p, uint64_t tenant_id, uint64_t extension_id,
		      struct mailbox_counts *c)
{
	*c = (struct mailbox_counts){0};
	if (p->conf.mailbox)
		p->conf.mailbox(tenant_id, extension_id, c, p->conf.mailbox_arg);
}

static void write_summary(const struct presence *p, struct buf *out, uint64_t tenant_id,
			  const struct extension *e, const struct mailbox_counts *c)
{
	const struct tenant *t = model_tenant(p->conf.model, tenant_id);

	buf_printf(out, "Messages-Waiting: %s\r\nMessage-Account: sip:",
		   c->unread || c->urgent_unread ? "yes" : "no");
	sip_escape_user(out, str_of(e ? e->number : ""));
	buf_printf(out, "@%s\r\nVoice-Message: %u/%u (%u/%u)\r\n", t ? t->domain : "invalid",
		   c->unread, c->read, c->urgent_unread, c->urgent_read);
}

static void write(struct topic *t, struct buf *out, uint32_t since)
{
	struct mailbox_counts c;

	counts_of(t->p, t->tenant_id, t->id, &c);
	write_summary(t->p, out, t->tenant_id,
		      model_extension(t->p->conf.model, t->tenant_id, t->id), &c);
}

const struct package package_mailbox = {
	.of = OF_EXTENSION,
	.event = "message-summary",
	.content_type = "application/simple-message-summary",
	.find = find,
	.write = write,
};

/* ---- without subscription ---- */

static bool has_subscribed(const struct presence *p, const struct account *a)
{
	const struct subscriber *by = subscriber_find(p, a->o.tenant_id, a->o.id);

	if (!by)
		return false;
	LIST_EACH (it, &by->subs)
		if (CONTAINER_OF(it, struct sub, in_account)->package == &package_mailbox)
			return true;
	return false;
}

static int send_unasked(struct presence *p, const struct contact *c, const struct extension *e,
			const struct mailbox_counts *counts)
{
	static const char lines[] = "Event: message-summary\r\n"
				    "Subscription-State: terminated;reason=noresource\r\n";
	struct device_request rq = {
		.method = SIP_NOTIFY,
		.to = c,
		.number = str_of(e->number),
		.recipient = e->number,
	};
	int err;

	buf_reset(&p->body);
	write_summary(p, &p->body, c->tenant_id, e, counts);
	rq.extra = (struct sip_extra){.headers = STR(lines),
				      .content_type = str_of(package_mailbox.content_type),
				      .body = buf_view(&p->body)};
	err = p->body.err ? p->body.err : device_send(p, &rq, NULL, NULL, NULL);
	if (!err)
		metric_add(METRIC_NOTIFIES, 1);
	return err;
}

void mailbox_registered(struct presence *p, const struct contact *c)
{
	const struct account *a = model_account(p->conf.model, c->tenant_id, c->account_id);
	const struct extension *e =
		a ? model_extension(p->conf.model, a->o.tenant_id, a->extension_id) : NULL;
	struct mailbox_counts counts;
	int err;

	if (!e || a->message_waiting == WAITING_CHOICE_NEVER || has_subscribed(p, a))
		return;
	counts_of(p, c->tenant_id, e->o.id, &counts);
	if (a->message_waiting == WAITING_CHOICE_AUTO && !counts.unread && !counts.urgent_unread)
		return;
	err = send_unasked(p, c, e, &counts);
	if (err)
		log_debug(&(struct log_ctx){.tenant = c->tenant_id}, LOGID_SUBSCRIPTION,
			  "%s is not told of its messages: %s", e->number, strerror(err));
}

static void tell_account(struct presence *p, const struct account *a, const struct extension *e,
			 const struct mailbox_counts *counts)
{
	const struct contact *c;
	size_t pos = 0;

	if (a->message_waiting == WAITING_CHOICE_NEVER || has_subscribed(p, a))
		return;
	while ((c = registrar_contacts(p->conf.registrar, a->o.tenant_id, a->o.id, &pos)))
		if (send_unasked(p, c, e, counts))
			return; /* it will ask, or register again */
}

void presence_mailbox_changed(struct presence *p, uint64_t tenant_id, uint64_t extension_id)
{
	struct topic *t = topic_find(p, &package_mailbox, tenant_id, extension_id);
	const struct extension *e = model_extension(p->conf.model, tenant_id, extension_id);
	struct mailbox_counts counts;
	const struct account *a;
	size_t pos = 0;

	if (t)
		topic_changed(t);
	if (!e)
		return;
	counts_of(p, tenant_id, extension_id, &counts);
	while ((a = model_extension_accounts(p->conf.model, tenant_id, extension_id, &pos)))
		tell_account(p, a, e, &counts);
}
