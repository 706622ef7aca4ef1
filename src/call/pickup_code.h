/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pick-up by code: the services "pickup" (what rings an extension, else what it holds), "pickup_held" and "pickup_group" (what rings
 * longest at an extension one may pick up from).  Routing has decided who may (route/pickup.c).
 *
 *	the call of the code → its leg moves into the call it takes, and asks for the other leg's place there (pickup.h)
 *	                     → its own call is over: picked_up, transferred_to names the other
 *
 * Thread     core
 * Ownership  nothing of its own: the leg belongs to the call it takes
 * Errors     480: nothing rings, or is held, there
 */
#ifndef CALL_PICKUP_CODE_H
#define CALL_PICKUP_CODE_H

#include "call/owner.h"

int pickup_code_register(struct calls *cs) MUST_USE;

#endif
