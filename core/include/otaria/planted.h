/**
 * Planted bugs: each number takes one defence away, to prove that some test notices (scripts/mutants).
 *
 *     if (!OT_PLANTED(4) && !ot_digest_equal(&got, &want))
 *         return OT_E_WRONG_TARGET;
 *
 * A product is built without OTARIA_PLANTED: every OT_PLANTED() is then the constant false and leaves no code.
 */
#ifndef OTARIA_PLANTED_H
#define OTARIA_PLANTED_H

#ifndef OTARIA_PLANTED
#define OTARIA_PLANTED 0
#endif

#define OT_PLANTED(number) (OTARIA_PLANTED == (number))

#endif
