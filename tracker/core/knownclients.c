/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A list of the two-letter codes of Azureus-style ids, and a list of older prefixes.
 */
#include "tracker/core/knownclients.h"

#include <stddef.h>
#include <string.h>

/* Two letters each, of ids like -qB4650-. */
static const char known_clients[] =
    "7T AG AL AN AR AV AX AZ BC BD BF BG BI BL BN BP BR BT BW CD CT DE DP EB FC FD FG FL FW FX G3 "
    "GS GT HL IL JS KG KT LC LH LP LT LW MG MK MO MP MR MT NB NE NX OS OT PB PC PI PT QD QT RQ RT "
    "RZ S~ SB SD SK SM SN SP SR SS ST SV SW SY SZ TB TE TG TI TL TN TR TS TT UL UM UT UW VG WC WD "
    "WT WW WY XC XF XL XS XT ZO ZT aN eM fN kG lt nG pF pX qB sF st tT vG";

bool
knownclients_has(const uint8_t peer_id[TRACKER_PEER_ID_LEN])
{
    static const char *const older[] = {"A2-", "M7-", "M4-", "Q1-", "exbc", "XBT", "OP", "Plus"};

    if (peer_id[0] == '-' && peer_id[7] == '-') {
        for (const char *p = known_clients;; p += 3) {
            if (p[0] == (char)peer_id[1] && p[1] == (char)peer_id[2])
                return true;
            if (p[2] == '\0')
                return false;
        }
    }
    for (size_t i = 0; i < sizeof(older) / sizeof(older[0]); i++)
        if (memcmp(peer_id, older[i], strlen(older[i])) == 0)
            return true;
    return false;
}
