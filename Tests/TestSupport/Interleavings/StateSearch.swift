// All states that a value can come to, by all orders of what may happen to it.
// SPDX-License-Identifier: Apache-2.0

/// Goes from a state to all that follow on it, each once, in the order of their distance: so what leads to a state that
/// is wrong is the shortest way there is.
package enum StateSearch {
    package struct Move<State> {
        package let name: String
        package let next: State

        package init(_ name: String, _ next: State) {
            self.name = name
            self.next = next
        }
    }

    package struct Outcome: Sendable {
        /// How many states there are.
        package var stateCount = 0
        /// Those that nothing follows on.
        package var lastCount = 0
        /// Whether all were looked at.
        package var isComplete = false
        /// What is wrong in the first state in which anything is, and the way there.
        package var failure: String?
    }

    /// `fingerprint` is the same for states that need not be told apart, `moves` what may happen next, and `problem` what is
    /// wrong in a state, of which its second argument says whether nothing follows on it. No more than `limit` states are
    /// looked at.
    package static func explore<State, Fingerprint: Hashable>(
        from start: State, limit: Int = 2_000_000, fingerprint: (State) -> Fingerprint,
        moves: (State) -> [Move<State>], problem: (State, _ isLast: Bool) -> String?
    ) -> Outcome {
        var outcome = Outcome()
        var seen: Set<Fingerprint> = [fingerprint(start)]
        var origins: [(parent: Int, name: String)] = [(-1, "")]
        var rest: [State] = [start]
        var number = 0
        while !rest.isEmpty {
            var following: [State] = []
            for state in rest {
                let moves = moves(state)
                outcome.stateCount += 1
                if moves.isEmpty { outcome.lastCount += 1 }
                if let problem = problem(state, moves.isEmpty) {
                    outcome.failure = "\(problem), after: " + way(to: number, origins).joined(separator: "; ")
                    return outcome
                }
                for move in moves where seen.insert(fingerprint(move.next)).inserted {
                    following.append(move.next)
                    origins.append((number, move.name))
                }
                number += 1
                guard outcome.stateCount < limit else { return outcome }
            }
            rest = following
        }
        outcome.isComplete = true
        return outcome
    }

    private static func way(to number: Int, _ origins: [(parent: Int, name: String)]) -> [String] {
        var names: [String] = []
        var number = number
        while number > 0 {
            names.append(origins[number].name)
            number = origins[number].parent
        }
        return names.reversed()
    }
}
