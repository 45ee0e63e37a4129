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

/** What each takes away; scripts/mutants reads this list. */
#define OT_PLANTED_LIST(X)                                                                                   \
    X(1, "the journal does not read back what it wrote")                                                     \
    X(2, "a journal record's CRC covers its header only")                                                    \
    X(3, "the journal names a new sector in charge before its records are there")                            \
    X(4, "the journal stops at the first unreadable record, and appends behind it")                          \
    X(5, "a slot is erased while otadata still names it")                                                    \
    X(6, "block hashes are not compared")                                                                    \
    X(7, "the checkpoint runs ahead of the data")                                                            \
    X(8, "an image other than the offered one is taken")                                                     \
    X(9, "signatures are not judged")                                                                        \
    X(10, "one wrong reading of flash condemns an image")                                                    \
    X(11, "a journal record that cannot be read is taken for absent")                                        \
    X(12, "whatever runs counts as proven")                                                                  \
    X(13, "a second boot on trial is allowed")                                                               \
    X(14, "going back is tried although what is selected does not boot")                                     \
    X(15, "no late-crash guard")                                                                             \
    X(16, "a fallback boot is not healed")                                                                   \
    X(17, "a proven image stays pending in otadata")                                                         \
    X(18, "a confirmed image that was given up is not reported")                                             \
    X(19, "the attempt is forgotten before its outcome is durable")                                          \
    X(20, "the switch is not journalled before it is made")                                                  \
    X(21, "an outcome may be reported twice")                                                                \
    X(22, "every event carries the same sequence number")                                                    \
    X(23, "confirmed without having reached the server")                                                     \
    X(24, "a failed self test passes")                                                                       \
    X(25, "the port lets the running slot be written, and the agent aims at it")                             \
    X(26, "an erase is believed without looking")                                                            \
    X(27, "mark_valid confirms whatever slot otadata selects")                                               \
    X(28, "floor, revocations and counter of a confirmed image are not adopted")                             \
    X(29, "the security counter is burned before the confirm")                                               \
    X(30, "one wrong reading of the descriptor decides whom the device trusts")                              \
    X(31, "a stored patch is still in the slot when the slot is selected")                                   \
    X(32, "what a patch gave is not verified")                                                               \
    X(33, "a sector of a patch's target is taken for right unseen")                                          \
    X(34, "a patch that fails ends the attempt, and the next way is not tried")                              \
    X(35, "a patch or compressed image that was given up is tried again after a reset")

#endif
