// Folders that are small and ask for much: memory and time of the real program.
// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

extension EndToEnd {
    @Suite struct FolderBombTests {
        /// The address space that a command gets, in bytes: the memory for opening, the program itself, and what a parser
        /// has beside what it keeps.
        private static let addressSpace: UInt64 = 336 << 20
        /// The processor time that it gets, in seconds. A program built for debugging takes up to thirty times what a release
        /// takes, for which it is below one.
        private static let processorSeconds = 20

        @Test("C20: a folder that is a bomb is opened within its memory and time", arguments: FolderBomb.all)
        func bombs(bomb: FolderBomb) throws {
            try withTestFolder { folder in
                let path = try folder.makeFolder("x")
                // It may be deeper than what removes the test's folder can go.
                defer { _ = try? attempt(["rm", "-rf", path]) }
                try bomb.write(to: path)
                let result = try attempt(
                    [
                        "prlimit", "--core=0", "--as=\(Self.addressSpace)", "--cpu=\(Self.processorSeconds)",
                        try Ovafs.path(), "info", "--json", "--open-memory", "64M", path,
                    ], limit: 120)
                #expect(result.exitCode == 0, "\(result.exitCode): \(result.standardError)")
            }
        }
    }
}
