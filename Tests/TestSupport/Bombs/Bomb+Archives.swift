// Bombs that are archives: names, links, maps.
// SPDX-License-Identifier: Apache-2.0

extension Bomb {
    /// A name of `byteCount` bytes that is nothing but folders.
    private static func folders(_ byteCount: Int) -> [UInt8] {
        (0..<byteCount).map { $0.isMultiple(of: 2) ? UInt8(ascii: "a") : UInt8(ascii: "/") }
    }

    private static let longestName = 65_535

    static let archives = [
        Bomb("members times pax paths of many folders") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                tar.add(size(700)) {
                    $0.addPax([("path", folders(size(longestName) | 1))])
                    $0.add("x")
                }
            }
        },
        Bomb("members times one global pax path") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                tar.addPax([("path", folders(size(longestName) | 1))], type: "g")
                tar.add(size(99_000)) { $0.add("x") }
            }
        },
        Bomb("hard links times one global link path") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                tar.addPax([("linkpath", folders(size(longestName) | 1))], type: "g")
                tar.add(size(99_000)) { $0.add("x", type: "1", link: "y") }
            }
        },
        Bomb("members times folders of their own") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                for number in 0..<size(12_000) {
                    let name =
                        (0..<250).map { "\(number % 7)\($0 % 10)" }.joined(separator: "/") + "/\(number)"
                    tar.addPax([("path", name)])
                    tar.add("x")
                }
            }
        },
        Bomb("headers of one member times sparse maps") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                let pairs = (0..<size(25_000)).map { "\($0 * 20),1" }.joined(separator: ",")
                tar.add(size(120)) {
                    $0.addPax([
                        ("GNU.sparse.offset", "1"), ("GNU.sparse.numbytes", "1"),
                        ("GNU.sparse.size", "9000000"), ("comment", pairs),
                    ])
                }
                tar.add(size(120)) { $0.addPax([("GNU.sparse.size", "9000000"), ("GNU.sparse.map", pairs)]) }
                tar.add("x", [UInt8](repeating: 1, count: size(25_000)))
            }
        },
        Bomb("names that differ behind the cut times their doubles") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                let front = [UInt8](repeating: UInt8(ascii: "n"), count: 249)
                for number in 0..<size(16_000) {
                    let digits = String(number, radix: 36)
                    let end = Array((String(repeating: "0", count: 6 - digits.count) + digits).utf8)
                    for _ in 0..<2 {
                        tar.addLong(front + end, type: "L")
                        tar.add("x")
                    }
                }
            }
        },
        Bomb("a name of combining marks") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                let marks = Array(String(repeating: "\u{301}\u{316}", count: size(16_000)).utf8)
                tar.add(size(400)) {
                    $0.addPax([("path", [UInt8(ascii: "a")] + marks)])
                    $0.add("x")
                }
            }
        },
        Bomb("lines of a manifest") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                tar.add("x.mf", Array(String(repeating: "SHA1(x)= a\n", count: size(2_900_000)).utf8))
            }
        },
        Bomb("empty lines of a manifest") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                tar.add("x.mf", [UInt8](repeating: 0x0a, count: size(32 << 20)))
            }
        },
    ]
}
