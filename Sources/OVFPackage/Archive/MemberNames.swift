// The members of an archive by their names, for hard links.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What a hard link may name: the members in front of it. All copies of a scanner share it: only members of steps that were
/// done are told to it, and one that is told again stays what it was.
final class MemberNames: Sendable {
    private let members = SleepingMutex<[ByteString: TarScanner.Found]>([:])

    /// Takes note of members, in the order in which they stand: the latest of a name counts.
    func learn(_ found: ArraySlice<TarScanner.Found>) {
        guard !found.isEmpty else { return }
        members.withLock { members in
            for member in found { members[ByteString(MemberPath(member.path).normalized)] = member }
        }
    }

    /// The latest member of that name.
    func member(named path: [UInt8]) -> TarScanner.Found? {
        let name = ByteString(MemberPath(path).normalized)
        return members.withLock { $0[name] }
    }
}
