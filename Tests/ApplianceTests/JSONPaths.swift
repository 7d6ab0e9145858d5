// The fields of a JSON document, as docs/INFO.md writes them.
// SPDX-License-Identifier: Apache-2.0

import Foundation

enum JSONPaths {
    /// Such as `disks[].id`. What is below a field of `leaves` is not looked at.
    static func all(of json: [UInt8], leaves: Set<String> = []) throws -> Set<String> {
        var paths: Set<String> = []
        collect(try JSONSerialization.jsonObject(with: Data(json)), "", leaves, &paths)
        return paths
    }

    private static func collect(
        _ value: Any, _ path: String, _ leaves: Set<String>, _ paths: inout Set<String>
    ) {
        guard !leaves.contains(path) else { return }
        if let object = value as? [String: Any] {
            for (key, value) in object {
                let inner = path.isEmpty ? key : "\(path).\(key)"
                paths.insert(inner)
                collect(value, inner, leaves, &paths)
            }
        } else if let list = value as? [Any] {
            for value in list { collect(value, "\(path)[]", leaves, &paths) }
        }
    }
}

/// The tables of docs/INFO.md.
struct InfoDocument {
    /// The fields of each section, by its heading, without those of names.
    let fields: [String: Set<String>]
    /// The fields of type name, by heading.
    let names: [String: Set<String>]

    init() throws {
        var heading = ""
        var fields: [String: Set<String>] = [:]
        var names: [String: Set<String>] = [:]
        for line in try Project.text(of: "docs/INFO.md").split(separator: "\n") {
            if line.hasPrefix("## ") { heading = String(line.dropFirst(3)) }
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard line.hasPrefix("| `"), cells.count >= 3 else { continue }
            let field = cells[0].trimmingCharacters(in: ["`"])
            fields[heading, default: []].insert(field)
            if cells[1] == "name" { names[heading, default: []].insert(field) }
        }
        self.fields = fields
        self.names = names
    }
}
