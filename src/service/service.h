/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The services that own legs: ring groups, echo, test numbers.  Each is one file with one struct owner_kind; main registers them all.
 *
 * Thread     core
 * Errors     as calls_register_service()
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "call/owner.h"

extern const struct owner_kind service_ring_group, service_echo, service_tone, service_record_test,
	service_mix, service_speak, service_page, service_page_listen;
extern const struct owner_kind service_ask_number, service_ask_pin, service_disa, service_switch,
	service_refusal;
/* What the names of files that live as long as a call begin with: main sweeps those of a process that was killed. */
#define SERVICE_SCRATCH "heard-back-"

int services_register_all(struct calls *cs) MUST_USE;

#endif
