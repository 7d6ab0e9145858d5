// Which locks are taken while which are held, and whether that can end in a deadlock: a value.
// SPDX-License-Identifier: Apache-2.0

#if DEBUG
    /// A lock by the place in the source where it is made: all locks of one place are alike.
    package struct LockSite: Hashable, Sendable {
        let number: Int
    }

    /// A graph: from each lock to those that were taken while it was held. As long as no way leads back to where it began, no
    /// threads can each hold what the next one waits for.
    package struct LockOrder: Sendable {
        package enum Note: Equatable, Sendable {
            case known
            case new
            /// The names of the locks on the way from the one that is held to itself. The graph is as it was.
            case circle([String])
        }

        private var names: [String] = []
        private var sites: [String: LockSite] = [:]
        private var followers: [Set<Int>] = []

        package init() {}

        package func name(of site: LockSite) -> String { names[site.number] }

        package mutating func site(named name: String) -> LockSite {
            if let site = sites[name] { return site }
            let site = LockSite(number: names.count)
            names.append(name)
            followers.append([])
            sites[name] = site
            return site
        }

        /// Takes note that `second` is taken by who holds `first`.
        package mutating func note(_ second: LockSite, after first: LockSite) -> Note {
            guard !followers[first.number].contains(second.number) else { return .known }
            if let way = way(from: second.number, to: first.number) {
                return .circle(([first.number] + way).map { names[$0] })
            }
            followers[first.number].insert(second.number)
            return .new
        }

        /// The locks on a way, both ends among them; nil where there is none.
        private func way(from start: Int, to end: Int) -> [Int]? {
            var comesFrom = [start: start]
            var rest = [start]
            while let next = rest.popLast() {
                guard next != end else {
                    var way = [end]
                    while let last = way.last, last != start, let before = comesFrom[last] {
                        way.append(before)
                    }
                    return way.reversed()
                }
                for follower in followers[next] where comesFrom[follower] == nil {
                    comesFrom[follower] = next
                    rest.append(follower)
                }
            }
            return nil
        }
    }
#endif
