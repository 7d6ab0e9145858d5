// What is known so far of the digests of a package's members.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
package import OVFPackage

/// The state of every member against the manifest. It starts as unchecked and is filled in by a check of the
/// whole package, or as members are read through.
package final class ManifestChecks: Sendable {
    package enum State: String, Sendable, Codable {
        case ok
        case bad
        case unchecked
        case unlisted
    }

    package let map: ManifestMap
    /// Parts of members that were read before what stands in front of them.
    let earlyPieces = EarlyPieces()
    private let states: SleepingMutex<[State]>

    init(_ map: ManifestMap) {
        self.map = map
        states = SleepingMutex(map.entries.map { $0.isEmpty ? .unlisted : .unchecked })
    }

    /// The state of a file that is made of these members: bad where one is, ok where all are.
    package func state(ofMembers members: [Int]) -> State {
        let states = states.withLock { states in members.map { states[$0] } }
        if states.isEmpty || states.contains(.unlisted) { return states.contains(.bad) ? .bad : .unlisted }
        if states.contains(.bad) { return .bad }
        return states.contains(.unchecked) ? .unchecked : .ok
    }

    /// Takes in what a check of a member found.
    package func note(_ outcome: PackageVerifier.Outcome, ofMember index: Int) {
        let state: State
        switch outcome {
        case .ok: state = .ok
        case .bad: state = .bad
        case .unlisted, .exempt, .unreadable: return
        }
        states.withLock { $0[index] = state }
    }
}
