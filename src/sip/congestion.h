/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Congestion (TRN-5): when messages wait too long before they are read, new work is refused so that work in progress goes on.
 *
 * The metric is the standing wait: the shortest time that any message waited within an interval.  A queue that is emptied now
 * and then is no congestion, however long it grew in between (a process confined to a tenth of a core is not run for
 * nine tenths of each period).  Up to 80 % of the tolerance all is served; above, new requests are admitted at a rate, evenly in
 * time, and the others are refused; above the tolerance all that is new is refused until the queue is short again.  The rate
 * is judged by the work done: what was admitted while there was always something to do, the pauses included, is what can be
 * finished.  An interval with few messages counts as calm: a process that was not run for a moment has no more to do than before.
 *
 * Who comes back with credentials has been admitted before, and half of the work is done: refused only above four times the tolerance.
 *
 * Refusing costs time too: when less than half can be admitted, new calls are thinned out before they are read (flow_thinning), so that of three that are read two are
 * admitted.  Of those that are then too many only every fourth is answered, the others are dropped.  Who is dropped sends again, or hears nothing; only so is there
 * time for the others.
 *
 * Never refused: what belongs to a dialog or transaction, ACK, CANCEL, BYE, and emergency calls.
 *
 * Thread     core
 * Units      _us; shares of 65536; requests in an interval, 4096 times
 * Sources    TRN-5; RFC 3261 21.5.4 (503, Retry-After); RFC 6357, RFC 7339 (what overload control is for); ADR 0056
 */
#ifndef SIP_CONGESTION_H
#define SIP_CONGESTION_H

#include "base/defs.h"

enum congestion_level { CONGESTION_NONE, CONGESTION_SOME, CONGESTION_FULL };
enum congestion_work {
	CONGESTION_NEW,
	CONGESTION_THINNED, /* new, of a kind that is thinned out before */
	CONGESTION_PROVEN,  /* comes with credentials */
};

enum {
	CONGESTION_INTERVAL_MS = 200, /* longer than the period of a confined process */
	CONGESTION_ALL = 65536,
	CONGESTION_TOLERANCE_MS = 80, /* of the guide */
};

enum congestion_search {
	CONGESTION_FOLLOWS, /* the rate is nearly right */
	CONGESTION_BEGINS,  /* nothing is known yet but what was admitted since */
	CONGESTION_SEEKS,   /* rather too low: raised fast until something waits */
};

struct congestion {
	uint64_t tolerance_us; /* 0: nothing is ever refused */
	uint64_t since_ms;     /* of the interval under way; 0: none */
	uint64_t shortest_us;  /* in it */
	uint32_t nmessages;    /* in it */
	uint64_t standing_us;  /* of the interval before */
	uint64_t rate;	       /* of new requests; 0: all */
	uint64_t budget;       /* what of it is left */
	uint64_t paid_ms;      /* until when that was added to */
	enum congestion_search search;
	uint32_t passing; /* share of those that are thinned out which still comes through */
	uint32_t noffered,
		nadmitted; /* new requests in this interval, with those that did not come through */
	uint64_t mean_offered;		 /* in an interval, of the last ones */
	uint32_t nsustained, nintervals; /* admitted in how many, since more was offered */
	uint32_t ncalm;			 /* intervals without a wait worth the name */
	uint32_t remainder;		 /* of thinning out here */
	uint32_t nuntold;		 /* since one was answered */
	enum congestion_level level;
};

/* Nothing is refused before the first wait is told. */
void congestion_init(struct congestion *c);
void congestion_set(struct congestion *c, uint32_t tolerance_ms); /* 0: off */
/* A message has come. */
static inline void congestion_received(struct congestion *c)
{
	c->nmessages++;
}
/* The message read now, the first of several, has waited so long.  True: the level is another than before. */
bool congestion_waited(struct congestion *c, uint64_t now_ms, uint64_t waited_us);
/* What share is to come through where it can be thinned out; changes by an eighth or more. */
uint32_t congestion_passing(const struct congestion *c);
static inline void
congestion_thinned(struct congestion *c,
		   uint32_t passing) /* done; CONGESTION_ALL: all comes through */
{
	c->passing = passing;
}
bool congestion_admits(struct congestion *c, enum congestion_work work);
/* Who was not admitted is answered, else dropped: it will send again as if it had not come through. */
bool congestion_tells(struct congestion *c, enum congestion_work work);

#endif
