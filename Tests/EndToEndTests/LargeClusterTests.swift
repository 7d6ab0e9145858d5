// The memory of a mount whose disk has large clusters: SEMANTICS O5.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct LargeClusterTests {
        @Test("O5: readers of many large clusters at once are served within the bound, one after the other")
        func peak() throws {
            try withTestFolder { folder in
                let blockCount = 12
                let image = CloopBuilder.uniform(blockCount, blockByteCount: 16 << 20)
                try Data(image).write(to: URL(fileURLWithPath: folder("d.cloop")))
                let options = "cache=none,cache_size=1M"
                try withMount(of: folder("d.cloop"), in: folder, options: options) { mount in
                    // Each thread that decodes for someone would have 16 MiB, and each who sends an answer.
                    try shell(
                        """
                        readers=()
                        for block in $(seq 0 \(blockCount - 1)); do
                            cmp <(dd if="$1" bs=64K count=8 skip=$((block * 256)) status=none) \\
                                <(head --bytes=512K /dev/zero | tr '\\0' "\\\\$(printf %03o $((block + 1)))") &
                            readers+=($!)
                        done
                        for reader in "${readers[@]}"; do wait "$reader"; done
                        """, mount("d.raw"))
                    let status = try String(contentsOfFile: "/proc/\(mount.server)/status", encoding: .utf8)
                    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
                    let peak = try #require(Int(line.filter(\.isNumber)))
                    #expect(peak < 140 << 10, "\(peak) KiB")
                }
            }
        }
    }
}
