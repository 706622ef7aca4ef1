/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The world of testing.h with two trunks, whose far ends are phones 6 and 7: trunk 1 "one" at 10.0.0.6, trunk 2 "two" at 10.0.0.7.
 * 442070000100 … 199 are the tenant's on both; numbers that begin with 00 leave over one, then two.
 */
#ifndef CALL_TESTING_TRUNK_H
#define CALL_TESTING_TRUNK_H

#include "call/testing.h"
#include "call/testing_phone.h"

enum { ONE = 6, TWO = 7 }; /* phones that are the far ends */

static inline void open_trunks(struct world *w)
{
	struct trunks_conf conf = {
		.env = w->net.conf.env,
		.sip = w->net.sip,
		.edge = &w->net.edge,
		.model = w->model,
		.bus = w->bus,
	};

	assert_int_equal(route_index_alloc(&w->index, w->model), 0);
	assert_int_equal(trunks_alloc(&w->trunks, &conf), 0);
	assert_int_equal(purses_alloc(&w->purses, w->model, &w->sink), 0);
	put(w, &resource_trunk, 0, 1, "{'name':'one','host':'10.0.0.6'}");
	put(w, &resource_trunk, 0, 2, "{'name':'two','host':'10.0.0.7'}");
	put(w, &resource_did_pool, TENANT, 31,
	    "{'trunk_id':'1','numbers':'4420700001**','caller_id':'442070000100'}");
	put(w, &resource_did_pool, TENANT, 32,
	    "{'trunk_id':'2','numbers':'4420700001**','caller_id':'442070000100'}");
	put(w, &resource_outbound_rule, TENANT, 41,
	    "{'name':'world','prefixes':'00','routes':[{'trunk_id':'1','strip':2},{'trunk_id':'2','"
	    "strip':2}]}");
}

static inline int open_trunk_world(void **state)
{
	struct world *w;

	open_world(state);
	w = *state;
	w->calls = calls_free(w->calls);
	open_trunks(w);
	w->registrar.fn = NULL;
	open_calls(w, 0);
	return 0;
}

#define TRUNK_STORY(name) cmocka_unit_test_setup_teardown(name, open_trunk_world, close_world)

#endif
