// All orders in which a few threads may run, one after the other.
// SPDX-License-Identifier: Apache-2.0

#if DEBUG
    import ByteSources
    import Glibc

    /// Runs real code on real threads, of which one at a time goes on: at each lock, each wait and each call of `turn`, one is
    /// chosen. Each run chooses otherwise than those before, until all choices have been made. Time stands still while
    /// any thread can go on, and then jumps to the next deadline.
    ///
    /// What is not seen is what happens between two such points: a test calls `turn` where it matters.
    package enum Interleavings {
        /// What runs, made anew for each run.
        package struct Scenario {
            let threads: [@Sendable () -> Void]
            let problems: () -> [String]

            /// `problems`, after a run: what is wrong.
            package init(_ threads: [@Sendable () -> Void], problems: @escaping () -> [String]) {
                self.threads = threads
                self.problems = problems
            }
        }

        package struct Outcome: Sendable {
            /// How many runs there were.
            package var count = 0
            /// Whether they are all that there are.
            package var isComplete = false
            /// What was wrong in the first run in which anything was, and how that came.
            package var failure: String?
        }

        /// Lets others have their turn, where the calling thread is one of a scenario.
        package static func turn() { LockWatch.director?.turn() }

        /// Runs a scenario in all orders in which a thread that can go on has to make room for another at most `preemptions`
        /// times, up to the first failure.
        package static func explore(preemptions: Int = .max, _ make: () -> Scenario) -> Outcome {
            run(ScheduleChoices(), preemptions, mostRuns: .max, make)
        }

        /// Runs a scenario `count` times, each time in an order that is drawn by lot: for those that have too many.
        package static func sample(_ count: Int, seed: UInt64 = 1, _ make: () -> Scenario) -> Outcome {
            run(ScheduleChoices(seed: seed), .max, mostRuns: count * factor, make)
        }

        /// OVAFS_SCHEDULES says how many times as many samples are taken as usual.
        private static let factor =
            unsafe getenv("OVAFS_SCHEDULES").flatMap { unsafe Int(String(cString: $0)) } ?? 1

        private static func run(
            _ first: ScheduleChoices, _ preemptions: Int, mostRuns: Int, _ make: () -> Scenario
        ) -> Outcome {
            var outcome = Outcome()
            var choices = first
            repeat {
                let scenario = make()
                let schedule = Schedule(choices, preemptionLimit: preemptions)
                let problems =
                    schedule.run(scenario.threads) + (schedule.failure == nil ? scenario.problems() : [])
                choices = schedule.choices
                outcome.count += 1
                guard problems.isEmpty else {
                    outcome.failure = (problems + schedule.steps).joined(separator: "\n")
                    return outcome
                }
                guard outcome.count < mostRuns else { return outcome }
            } while choices.advance()
            outcome.isComplete = true
            return outcome
        }
    }

    /// The choices of a run: the first ones are given, all later ones are the first of what there is. Or all by lot.
    struct ScheduleChoices {
        private var made: [(chosen: Int, count: Int)] = []
        private var position = 0
        private var lots: SeededRandom?

        init() {}

        init(seed: UInt64) { lots = SeededRandom(seed: seed) }

        /// `mayGoOn`: whether the first one is to go on where it is.
        mutating func choose(of count: Int, mayGoOn: Bool = false) -> Int {
            guard count > 1 else { return 0 }
            if var random = lots {
                defer { lots = random }
                // Otherwise no thread would ever come far without the others.
                guard !mayGoOn || Int.random(in: 0..<12, using: &random) == 0 else { return 0 }
                return Int.random(in: 0..<count, using: &random)
            }
            if position < made.count, made[position].count == count {
                position += 1
                return made[position - 1].chosen
            }
            // A run that does not repeat itself (random numbers, real time) goes on as if it were new.
            made.removeSubrange(position...)
            made.append((0, count))
            position += 1
            return 0
        }

        /// The choices of the next run; false where there are no others.
        mutating func advance() -> Bool {
            guard lots == nil else { return true }
            made.removeSubrange(position...)
            position = 0
            while let last = made.last {
                guard last.chosen + 1 == last.count else {
                    made[made.count - 1].chosen += 1
                    return true
                }
                made.removeLast()
            }
            return false
        }
    }
#endif
