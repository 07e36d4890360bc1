import Formats
import Testing

@testable import WorkingTree

@Suite("Rules of .dockerignore")
struct IgnoreRulesTests {
    /// Examples of moby/patternmatcher's behaviour: pattern, path, whether it is excluded.
    static let rows: [(String, String, Bool)] = [
        ("**", "file", true), ("**", "dir/file", true), ("**/", "file", true), ("**/**", "dir/file", true),
        ("dir/**", "dir/file", true), ("dir/**", "dir/deep/file", true), ("dir/**", "dir2/file", false),
        ("**/dir", "dir/file", true), ("**/dir", "a/dir", true), ("**/dir", "adir", false),
        ("**/file", "file", true), ("**/file", "a/b/file", true), ("**/*.log", "a/b.log", true),
        ("**/*.log", "b.log", true), ("*.log", "a/b.log", false), ("*.log", "b.log", true),
        ("a*/b", "abc/b", true), ("a*/b", "abc/d/b", false), ("a?c", "abc", true), ("a?c", "a/c", false),
        ("a/**/z", "a/z", true), ("a/**/z", "a/b/c/z", true), ("a/**/z", "az", false), ("**b", "ab", true),
        ("[a-c]x", "bx", true), ("[^a-c]x", "bx", false), ("[^a-c]x", "dx", true), ("a.c", "abc", false),
        ("a+(b)|{}$", "a+(b)|{}$", true), ("a\\*b", "a*b", true), ("a\\*b", "axb", false), ("/root", "root", true),
        ("./here", "here", true), ("dir/", "dir/file", true), ("  spaced  ", "spaced", true), ("a//b", "a/b", true),
        ("a/../b", "b", true), ("?", "é", true), ("[à-ü]", "é", true), ("*", "dir/file", true), ("a]", "a]", true),
        ("ab^", "ab^", true),
    ]

    @Test("One pattern and one path", arguments: rows)
    func patterns(pattern: String, path: String, isOut: Bool) throws {
        let rules = try #require(IgnoreRules(ByteString(pattern)))
        #expect(rules.leavesOut(ByteString(path)) == isOut)
    }

    @Test("Later lines override earlier ones, in both directions")
    func exceptions() throws {
        let rules = try #require(IgnoreRules("*\n!src\nsrc/secret\n! README*  \nREADME.old\n"))
        let left = ["a", "src/a", "src/secret", "src/secret/x", "README", "README.old", "other/README"]
            .filter { rules.leavesOut(ByteString($0)) }
        #expect(left == ["a", "src/secret", "src/secret/x", "README.old", "other/README"])
    }

    @Test("Comments, empty lines, a byte order mark and Windows' line ends")
    func lines() throws {
        let rules = try #require(IgnoreRules("\u{FEFF}first\r\n# comment\r\n\r\n  #not one\r\nlast"))
        #expect(rules.leavesOut("first") && rules.leavesOut("last") && rules.leavesOut("#not one"))
        #expect(!rules.leavesOut("# comment"))
    }

    @Test(
        "A file that docker refuses, or that is unclear, has no rules",
        arguments: ["!", "a[", "[]a]", "a\\", "*^", "[[:a:]]"])
    func refused(text: String) {
        #expect(IgnoreRules(ByteString(text)) == nil)
    }

    @Test("A long pattern takes hardly any time")
    func long() throws {
        let pattern = ByteString(String(repeating: "*a", count: 200))
        let path = ByteString(String(repeating: "a", count: 200) + "b")
        #expect(try !#require(IgnoreRules(pattern)).leavesOut(path))
    }
}
