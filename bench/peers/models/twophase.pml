/* Two-phase commit (Gray and Lamport, "Consensus on Transaction Commit", 2006) for SIZE resource managers.
 *
 * spin -DSIZE=7 -a twophase.pml
 *
 * One process and one d_step per action, so that no intermediate control state is counted and the state vector is the
 * smallest. Sets of resource managers are bit masks; a manager in none of the three sets is working. Messages are never
 * removed: `told` is the set of "prepared" messages, `commit` and `abort` the two decisions sent to all.
 */
#define ALL ((1 << SIZE) - 1)
#define BIT(i) (1 << (i))
#define WORKING(i) (!((prepared | committed | aborted) & BIT(i)))
#define CONSISTENT assert(!(committed && aborted))

short prepared, committed, aborted, told, known;
bit decided, commit, abort;

#define RESOURCE_MANAGER(i) \
    :: d_step { !decided && (told & BIT(i)) -> known = known | BIT(i) } \
    :: d_step { WORKING(i) -> prepared = prepared | BIT(i); told = told | BIT(i) } \
    :: d_step { WORKING(i) -> aborted = aborted | BIT(i); CONSISTENT } \
    :: d_step { commit -> prepared = prepared & ~BIT(i); aborted = aborted & ~BIT(i); \
                committed = committed | BIT(i); CONSISTENT } \
    :: d_step { abort -> prepared = prepared & ~BIT(i); committed = committed & ~BIT(i); \
                aborted = aborted | BIT(i); CONSISTENT }

active proctype System() {
    do
    :: d_step { !decided && known == ALL -> decided = 1; commit = 1 }
    :: d_step { !decided -> decided = 1; abort = 1 }
    RESOURCE_MANAGER(0)
#if SIZE > 1
    RESOURCE_MANAGER(1)
#endif
#if SIZE > 2
    RESOURCE_MANAGER(2)
#endif
#if SIZE > 3
    RESOURCE_MANAGER(3)
#endif
#if SIZE > 4
    RESOURCE_MANAGER(4)
#endif
#if SIZE > 5
    RESOURCE_MANAGER(5)
#endif
#if SIZE > 6
    RESOURCE_MANAGER(6)
#endif
#if SIZE > 7
    RESOURCE_MANAGER(7)
#endif
#if SIZE > 8
    RESOURCE_MANAGER(8)
#endif
#if SIZE > 9
    RESOURCE_MANAGER(9)
#endif
    od
}
