/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The services that own legs: ring groups, echo.  Each is one file with one struct owner_kind; main registers them all.
 *
 * Thread     core
 * Errors     as calls_register_service()
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "call/owner.h"

extern const struct owner_kind service_ring_group, service_echo;

int services_register_all(struct calls *cs) MUST_USE;

#endif
