<?php
// Notes in SQLite, sessions, uploads, children: what a small application of its own server does
function notes() { $db = new PDO('sqlite:/var/lib/php-notes/notes.db'); $db->exec('PRAGMA busy_timeout = 3000'); $db->exec('CREATE TABLE IF NOT EXISTS n (k TEXT PRIMARY KEY, v TEXT)'); return $db; }
switch ($_GET['do'] ?? '') {
    case 'put': notes()->prepare('REPLACE INTO n VALUES (?, ?)')->execute([$_GET['key'], 'kept']); echo 'written'; break;
    case 'get': $s = notes()->prepare('SELECT v FROM n WHERE k = ?'); $s->execute([$_GET['key']]); echo $s->fetchColumn() ?: 'gone'; break;
    case 'who': echo trim(shell_exec('id -un')); break;
    case 'session': session_start(); $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1; echo $_SESSION['n']; break;
    case 'upload': echo move_uploaded_file($_FILES['file']['tmp_name'], '/var/lib/php-notes/upload') ? file_get_contents('/var/lib/php-notes/upload') : 'failed'; break;
    case 'sleep': usleep(700000); echo getmypid(); break;
    default: echo 'php';
}
