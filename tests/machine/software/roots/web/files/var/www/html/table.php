<?php
switch ($_GET['do'] ?? '') {
    case 'who': echo trim(shell_exec('id -un')); break;
    case 'session': session_start(); $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1; echo $_SESSION['n']; break;
    case 'upload': $f = tempnam(sys_get_temp_dir(), 'u'); file_put_contents($f, 'kept'); rename($f, '/var/www/state/php'); echo file_get_contents('/var/www/state/php'); break;
    case 'sleep': usleep(1500000); echo getmypid(); break;
    default: echo 'php';
}
