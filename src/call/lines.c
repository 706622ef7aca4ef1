/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/idmap.h"
#include "base/mem.h"
#include "base/thread.h"
#include "call/calls.h"
#include "call/leg_media.h"
#include "call/lines.h"
#include "registrar/registrar.h"

#define OF_ACCOUNT (UINT64_C(1) << 63) /* ids of resources stay below */

struct line {		      /* there while the extension has a leg on it */
	struct idmap_key key; /* tenant and extension, or account | OF_ACCOUNT */
	struct link legs;
};

static struct line *find(const struct calls *cs, uint64_t tenant_id, uint64_t extension_id)
{
	return IDMAP_FIND(struct line, &cs->lines, tenant_id, extension_id);
}

static struct line *get(struct calls *cs, uint64_t tenant_id, uint64_t extension_id)
{
	struct line *line = find(cs, tenant_id, extension_id);

	if (line)
		return line;
	line = mem_alloc(sizeof(*line));
	if (!line)
		return NULL;
	list_init(&line->legs);
	idmap_add(&cs->lines, &line->key, tenant_id, extension_id);
	return line;
}

static bool is_on_line(const struct leg *leg)
{
	if (leg_is_over(leg))
		return false;
	return leg->is_caller || (leg->st != LEG_NEW && leg->st != LEG_OPENING &&
				  leg->st != LEG_READY && leg->st != LEG_TRYING);
}

/* 0: it is of no device that signs in. */
static uint64_t line_of(uint64_t extension_id, uint64_t account_id)
{
	if (extension_id)
		return extension_id;
	return account_id ? account_id | OF_ACCOUNT : 0;
}

static void tell(const struct leg *leg)
{
	const struct calls *cs = leg->cs;

	if (cs->line_changed && leg->extension_id)
		cs->line_changed(leg->rec.tenant_id, leg->extension_id, cs->line_changed_arg);
}

static void leave(struct leg *leg)
{
	struct line *line = leg->line;

	list_remove(&leg->in_line);
	leg->line = NULL;
	if (!list_empty(&line->legs))
		return;
	map_remove(&leg->cs->lines, &line->key.node);
	mem_free(line);
}

void lines_changed(struct leg *leg)
{
	uint64_t id = line_of(leg->extension_id, leg->account_id);
	bool was_on = leg->line, is_on = id && is_on_line(leg);

	if (is_on && !was_on) {
		leg->line = get(leg->cs, leg->rec.tenant_id, id);
		if (!leg->line)
			return;
		list_append(&leg->line->legs, &leg->in_line);
	} else if (was_on && !is_on) {
		leave(leg);
	}
	if (was_on || is_on)
		tell(leg);
}

/* It has come by that connection, or its device is known from when the connection ended; else by what it said of where it is. */
static void move(struct leg *leg, const struct contact *c, oid was)
{
	uint64_t device = registrar_device(c);
	bool is_its = sip_invite_is_on(leg->inv, was);

	if (!c->flow.conn)
		leg->device = is_its ? device : leg->device;
	else
		(void)sip_invite_moved(leg->inv, str_of(c->uri), &c->flow,
				       is_its || leg->device == device);
}

void lines_moved(const struct calls *cs, uint64_t extension_id, const struct contact *c, oid was)
{
	struct line *line = find(cs, c->tenant_id, line_of(extension_id, c->account_id));

	if (!line)
		return;
	LIST_EACH (it, &line->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_line);

		if (leg->inv && leg->account_id == c->account_id)
			move(leg, c, was);
	}
}

void lines_forget(struct leg *leg)
{
	if (!leg->line)
		return;
	leave(leg);
	tell(leg);
}

static enum line_state state_of(const struct leg *leg)
{
	switch (leg->st) {
	case LEG_ANSWERED:
	case LEG_ACCEPTED:
	case LEG_UP:
	case LEG_RELEASED:
		return LINE_CONFIRMED;
	default:
		return !leg->is_caller || leg->call->rec.ringing_at ? LINE_EARLY : LINE_TRYING;
	}
}

static void fill(struct line_view *v, const struct leg *leg)
{
	const struct call_record *call = &leg->call->rec;
	const struct sip_dialog *d = leg->inv ? sip_invite_dialog(leg->inv) : NULL;
	const struct leg *caller = leg_get(leg->cs, leg->call->caller);
	bool is_hidden = caller && caller->is_private;

	*v = (struct line_view){
		.id = leg->rec.id,
		.call_id = call->id,
		.state = state_of(leg),
		.is_initiator = leg->is_caller,
		.is_held = leg->theirs && leg_sdp_is_held(leg->theirs),
		.number = leg->is_caller ? call->callee
			  : is_hidden	 ? "anonymous"
					 : call->caller,
		.name = leg->is_caller || is_hidden ? "" : call->caller_name,
		.sip_call_id = d ? d->call_id : "",
		.local_tag = d ? d->remote_tag : "",
		.remote_tag = d ? d->local_tag : "",
	};
}

bool lines_next(const struct calls *cs, uint64_t tenant_id, uint64_t extension_id,
		const struct leg **pos, struct line_view *view)
{
	const struct line *line = find(cs, tenant_id, extension_id);
	const struct link *at;

	ON_THREAD(THREAD_CORE);
	if (!line)
		return false;
	at = *pos ? (*pos)->in_line.next : line->legs.next;
	if (at == &line->legs)
		return false;
	*pos = CONTAINER_OF(at, struct leg, in_line);
	fill(view, *pos);
	return true;
}

void lines_watch(struct calls *cs, line_changed_h *fn, void *arg)
{
	ON_THREAD(THREAD_CORE);
	cs->line_changed = fn;
	cs->line_changed_arg = arg;
}

void lines_close(struct calls *cs)
{
	struct map_iter it = {0};
	struct map_node *node;

	while ((node = map_next(&cs->lines, &it))) {
		map_remove(&cs->lines, node);
		mem_free(CONTAINER_OF(node, struct line, key.node));
	}
	map_close(&cs->lines);
}
