// What someone may have meant by a word that is not known.
// SPDX-License-Identifier: Apache-2.0

enum Suggestion {
    /// The longest word that is compared.
    private static let maximumLength = 40

    /// ` (did you mean 'mount'?)`, or nothing where no candidate is near.
    static func text(for word: String, among candidates: [String]) -> String {
        closest(to: word, among: candidates).map { " (did you mean '\($0)'?)" } ?? ""
    }

    /// The candidate that takes the fewest changes of a letter, at most one for each three letters.
    static func closest(to word: String, among candidates: [String]) -> String? {
        let letters = Array(word.lowercased())
        guard letters.count <= maximumLength else { return nil }
        let limit = max(1, letters.count / 3)
        let near = candidates.map { ($0, distance(letters, Array($0))) }.filter { $0.1 <= limit }
        return near.min { $0.1 < $1.1 }?.0
    }

    /// How many letters to add, drop, replace or swap with their neighbour make one word the other.
    private static func distance(_ first: [Character], _ second: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...second.count)
        for (row, letter) in first.enumerated() {
            var current = [row + 1]
            for (column, other) in second.enumerated() {
                var best = min(
                    last[column + 1] + 1, current[column] + 1, last[column] + (letter == other ? 0 : 1))
                if row > 0, column > 0, letter == second[column - 1], first[row - 1] == other {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            (beforeLast, last) = (last, current)
        }
        return last[second.count]
    }
}
