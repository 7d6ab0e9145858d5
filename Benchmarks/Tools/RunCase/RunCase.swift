// Performs one named case a given number of times, for tools that watch the process from outside.
// SPDX-License-Identifier: Apache-2.0

import Cases
import Foundation

@main
enum RunCase {
    private static let usage = "usage: run-case --list | run-case NAME COUNT"

    /// Prints the bytes that the operations, without the preparation, read from the source.
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments == ["--list"] {
            for entry in BenchmarkCase.all { print("\(entry.name)\t\(entry.operation)") }
            return
        }
        guard arguments.count == 2, let name = arguments.first,
            let count = arguments.last.flatMap({ Int($0) }),
            count > 0, let chosen = BenchmarkCase.named(name)
        else { fail(usage, status: 2) }
        do {
            let prepared = try chosen.prepare()
            let before = prepared.sourceByteCount()
            try prepared.run(count)
            print(prepared.sourceByteCount() - before)
        } catch let missing as MissingInput {
            fail("\(name): \(missing)", status: 3)
        } catch {
            fail("\(name): \(error)", status: 1)
        }
    }

    private static func fail(_ message: String, status: Int32) -> Never {
        FileHandle.standardError.write(Data("run-case: \(message)\n".utf8))
        exit(status)
    }
}
