/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What services have in common that ask callers for digits: a prompt or a tone, then keys, ended by # or by silence.
 *
 * Never more than ASKER_MAX_DIGITS are kept, nobody is waited for longer than ASKER_FIRST_KEY_MS, and ASKER_BETWEEN_KEYS_MS after a key.
 *
 * Thread     core
 * Ownership  an asker is part of the service's state; asker_close() before that is freed, which also forgets the digits
 * Errors     what cannot be played ends the call
 */
#ifndef SERVICE_ASKER_H
#define SERVICE_ASKER_H

#include "call/owner.h"

enum { ASKER_MAX_DIGITS = 32, ASKER_FIRST_KEY_MS = 15000, ASKER_BETWEEN_KEYS_MS = 4000 };

typedef void asker_h(void *arg);

struct asker {
	struct call *call;
	oid caller;
	uint64_t tenant_id;
	asker_h *ask, *done;
	void *arg;
	struct timer timer;
	char keys[ASKER_MAX_DIGITS + 1];
	size_t nkeys;
	bool is_saying_no; /* and nobody has begun to key in something else */
};

/* ask: begin to ask, when the call is answered and after a no; done: digits are complete, asker.keys; none when nobody pressed
 * any. */
void asker_init(struct asker *a, const struct owner_start *s, asker_h *ask, asker_h *done,
		void *arg);
void asker_answer(struct asker *a); /* the call, or hang up */
void asker_event(struct asker *a, const struct owner_event *ev);
/* A prompt, or a tone where there are none.  name NULL: the tone. */
void asker_say(struct asker *a, const char *name, const struct owner_play *tone);
/* That it was wrong, then it is asked for again. */
void asker_no(struct asker *a, const char *name, const struct owner_play *tone);
/* For a PIN; and that it was wrong. */
void asker_ask_pin(struct asker *a);
void asker_wrong_pin(struct asker *a);
bool asker_is(const struct asker *a, const char *secret); /* was that keyed in? */
void asker_wait(struct asker *a);			  /* for the first key */
void asker_forget(struct asker *a);			  /* what was keyed in */
void asker_leave(struct asker *a, enum reason reason);	  /* hang up */
void asker_close(struct asker *a);

#endif
