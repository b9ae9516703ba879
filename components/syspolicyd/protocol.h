/* SPDX-License-Identifier: MIT */
/*
 * syspolicyd's socket, XNU_SYSPOLICY_SOCKET: what SystemPolicy.framework asks it by XPC.
 * SOCK_SEQPACKET; one JSON object, one reply per connection (components/common/packet.h).
 *
 *   {"op":"allow_load","path":P}        may the kext at P be loaded? {"errno":0,
 *   {"op":"allow_load_cache","path":P}  may it go into a prelinked kernel? "allowed":true}
 *   {"op":"pending"}      what Security & Privacy shows an Allow button for: "extensions":
 *                         array of {"team","developer","bundle"}, "overrides": may the
 *                         user allow at all
 *   {"op":"allow","developer":D}  the button was clicked: D is allowed. ENOENT: there is
 *                         no such button (any more)
 */
#ifndef COMPONENTS_SYSPOLICYD_PROTOCOL_H
#define COMPONENTS_SYSPOLICYD_PROTOCOL_H

#define SYSPOLICY_OP_LOAD	"allow_load"
#define SYSPOLICY_OP_LOAD_CACHE "allow_load_cache"
#define SYSPOLICY_OP_PENDING	"pending"
#define SYSPOLICY_OP_ALLOW	"allow"

#endif
