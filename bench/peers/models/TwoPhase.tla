------------------------------ MODULE TwoPhase ------------------------------
(* Two-phase commit (Gray and Lamport, "Consensus on Transaction Commit",    *)
(* 2006) among resource managers 1..N.  Messages are never removed: `told`   *)
(* holds the senders of "prepared", `orders` the decisions sent to all.      *)
EXTENDS Naturals
CONSTANT N
VARIABLES manager, \* what each resource manager is
          decided, \* whether the transaction manager has decided
          known,   \* whom the transaction manager knows to be prepared
          told,
          orders

Managers == 1..N
States == {"working", "prepared", "committed", "aborted"}

TypesOK == /\ manager \in [Managers -> States]
           /\ decided \in BOOLEAN
           /\ known \subseteq Managers
           /\ told \subseteq Managers
           /\ orders \subseteq {"commit", "abort"}

Consistent == \A i, j \in Managers : ~ (manager[i] = "committed" /\ manager[j] = "aborted")

Init == /\ manager = [i \in Managers |-> "working"]
        /\ decided = FALSE
        /\ known = {}
        /\ told = {}
        /\ orders = {}

Decide(order) == /\ ~ decided
                 /\ decided' = TRUE
                 /\ orders' = {order}
                 /\ UNCHANGED <<manager, known, told>>

Learn(i) == /\ ~ decided
            /\ i \in told
            /\ known' = known \union {i}
            /\ UNCHANGED <<manager, decided, told, orders>>

Prepare(i) == /\ manager[i] = "working"
              /\ manager' = [manager EXCEPT ![i] = "prepared"]
              /\ told' = told \union {i}
              /\ UNCHANGED <<decided, known, orders>>

Withdraw(i) == /\ manager[i] = "working"
               /\ manager' = [manager EXCEPT ![i] = "aborted"]
               /\ UNCHANGED <<decided, known, told, orders>>

Obey(i, order, state) == /\ order \in orders
                         /\ manager' = [manager EXCEPT ![i] = state]
                         /\ UNCHANGED <<decided, known, told, orders>>

Next == \/ known = Managers /\ Decide("commit")
        \/ Decide("abort")
        \/ \E i \in Managers : \/ Learn(i)
                               \/ Prepare(i)
                               \/ Withdraw(i)
                               \/ Obey(i, "commit", "committed")
                               \/ Obey(i, "abort", "aborted")

Spec == Init /\ [][Next]_<<manager, decided, known, told, orders>>
=============================================================================
