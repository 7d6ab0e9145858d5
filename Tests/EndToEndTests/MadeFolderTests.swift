// What becomes of a folder that was made for a mount, where the mount is ended before it can be used: SEMANTICS O10.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct MadeFolderTests {
        /// A source whose tree takes long to make.
        private func manyMembers(in folder: TestFolder) throws -> String {
            try shell(
                """
                mkdir many; cd many
                seq --format='f%g' 15000 | xargs touch
                seq --format='f%g' 15000 | tar --create --format=ustar --file ../many.tar --files-from -
                """, in: folder.url)
            return folder("many.tar")
        }

        @Test(
            "C2 O10: when the waiting command is killed, the folder that was made for its mount goes, too",
            arguments: ["-d \"$3\"", "-e \"$3/f1\"", "! -d \"$3\""])
        func madeFolder(condition: String) throws {
            try withTestFolder { folder in
                let source = try manyMembers(in: folder)
                // The command stands still as soon as its server is there, and can answer nothing that it is told.
                try shell(
                    """
                    "$1" mount -o X-mount.mkdir,lenient "$2" "$3" & command=$!
                    for try in $(seq 500); do
                        pgrep --parent $command > /dev/null && break; sleep 0.01
                    done
                    kill -STOP $command
                    for try in $(seq 5000); do [ \(condition) ] && break; sleep 0.002; done
                    [ \(condition) ]
                    kill -KILL $command
                    """, try Ovafs.path(), source, folder("new/folder"), in: folder.url, limit: 40)
                try wait(for: "the server's end") { folder.processes().isEmpty }
                #expect(folder.mountPoints().isEmpty)
                #expect(!FileManager.default.fileExists(atPath: folder("new")))
            }
        }

        @Test(
            "C5 O10: a signal that comes before the mount leaves no folder, and one that comes later leaves it",
            arguments: ["-d \"$3\"", "-e \"$3/f1\""], ["INT", "TERM", "HUP"])
        func madeFolderInForeground(condition: String, signal: String) throws {
            try withTestFolder { folder in
                let source = try manyMembers(in: folder)
                try shell(
                    """
                    set -m
                    "$1" mount -f -o X-mount.mkdir,lenient "$2" "$3" & server=$!
                    for try in $(seq 5000); do [ \(condition) ] && break; sleep 0.002; done
                    kill -\(signal) $server
                    for try in $(seq 5000); do kill -0 $server 2> /dev/null || break; sleep 0.002; done
                    code=0; wait $server || code=$?
                    echo $code > code
                    """, try Ovafs.path(), source, folder("new"), in: folder.url, limit: 40)
                try wait(for: "the server's end") { folder.processes().isEmpty }
                #expect(folder.mountPoints().isEmpty)
                let remains = FileManager.default.fileExists(atPath: folder("new"))
                let code = try run(["cat", folder("code")]).text
                // A folder that was just made may be mounted on by the time that the signal comes; then it ends the mount.
                #expect(code == "0" || !remains, "ended with \(code)")
                #expect(remains && code == "0" || !condition.contains("f1"))
            }
        }
    }
}
