/* Lamport's mutual exclusion ("Time, clocks, and the ordering of events in a distributed system", 1978) among three
 * processes with ordered channels, as far as no logical clock exceeds SIZE.
 *
 * spin -DSIZE=6 -a mutex.pml
 *
 * One process and one d_step per action, so that no intermediate control state is counted. A channel holds at most three
 * messages, each a byte: 0 none, AGREE, RELEASE, or the time of a request. What would bring a clock beyond SIZE is not
 * executable.
 */
#define AGREE 200
#define RELEASE 201
#define EVERYONE 7

#define BIT(p) (1 << (p))
#define KNOWN(p, q) asked[3 * (p) + (q)]  /* the time of q's request that p knows of, 0 for none */
#define LINK(p, q) (9 * (p) + 3 * (q))
#define HEAD(p, q) channel[LINK(p, q)]

#define SEND(p, q, message) \
    if \
    :: !channel[LINK(p, q)] -> channel[LINK(p, q)] = message \
    :: channel[LINK(p, q)] && !channel[LINK(p, q) + 1] -> channel[LINK(p, q) + 1] = message \
    :: channel[LINK(p, q) + 1] -> assert(!channel[LINK(p, q) + 2]); channel[LINK(p, q) + 2] = message \
    fi
#define DROP(p, q) \
    channel[LINK(p, q)] = channel[LINK(p, q) + 1]; \
    channel[LINK(p, q) + 1] = channel[LINK(p, q) + 2]; \
    channel[LINK(p, q) + 2] = 0

#define GOES(p, q) \
    (!KNOWN(p, q) || KNOWN(p, p) < KNOWN(p, q) || (KNOWN(p, p) == KNOWN(p, q) && p < q))

#define HEAR(p, q) \
    :: d_step { HEAD(q, p) && HEAD(q, p) < SIZE && clock[p] < SIZE -> \
        KNOWN(p, q) = HEAD(q, p); \
        clock[p] = (HEAD(q, p) > clock[p] -> HEAD(q, p) + 1 : clock[p] + 1); \
        DROP(q, p); SEND(p, q, AGREE) } \
    :: d_step { HEAD(q, p) == AGREE -> agreed[p] = agreed[p] | BIT(q); DROP(q, p) } \
    :: d_step { HEAD(q, p) == RELEASE -> KNOWN(p, q) = 0; DROP(q, p) }

#define PROCESS(p, q, r) \
    :: d_step { !KNOWN(p, p) -> \
        KNOWN(p, p) = clock[p]; agreed[p] = BIT(p); SEND(p, q, clock[p]); SEND(p, r, clock[p]) } \
    :: d_step { agreed[p] == EVERYONE && GOES(p, q) && GOES(p, r) -> \
        inside = inside | BIT(p); assert(inside == BIT(p)) } \
    :: d_step { inside & BIT(p) -> \
        inside = inside & ~BIT(p); KNOWN(p, p) = 0; agreed[p] = 0; SEND(p, q, RELEASE); SEND(p, r, RELEASE) } \
    HEAR(p, q) \
    HEAR(p, r)

byte clock[3] = 1;
byte asked[9];
byte agreed[3];
byte inside;
byte channel[27];

active proctype System() {
    do
    PROCESS(0, 1, 2)
    PROCESS(1, 0, 2)
    PROCESS(2, 0, 1)
    od
}
